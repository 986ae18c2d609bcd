"""Intervals: weights against explicit copies, and coverage on populations whose truth is known."""

import numpy as np
import pytest

from facedistill.data.pairs import Pairs
from facedistill.evaluate.intervals.bootstrap import bootstrap, interval, paired_difference, resamples
from facedistill.evaluate.pairs.roc import tar_at_far
from facedistill.evaluate.pairs.scores import score_all
from facedistill.evaluate.pairs.statistics import accuracy_statistic, tar_statistic
from facedistill.evaluate.pairs.ten_fold import ten_fold


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def draw_people(generator, identities, images=3, noise=0.9, width=8):
    """People differ in how alike their images are, so the images of one person are not independent."""
    spread = noise * generator.uniform(0.5, 1.5, identities).repeat(images)[:, None]
    centres = generator.standard_normal((identities, width)).repeat(images, axis=0)
    labels = np.arange(identities).repeat(images)
    return unit(centres + spread * generator.standard_normal((identities * images, width))), labels


def test_weights_equal_copies_of_people():
    generator = np.random.default_rng(0)
    vectors, labels = draw_people(generator, 9)
    weights = generator.integers(0, 4, 9)
    copies = [(person, copy) for person in range(9) for copy in range(weights[person])]
    genuine, impostor = [], []
    for one, (person, _) in enumerate(copies):
        scores = vectors[labels == person] @ vectors[labels == person].T
        genuine += scores[np.triu_indices(3, 1)].tolist()
        for other, _ in copies[one + 1 :]:
            if other != person:  # two copies of a person are never compared
                impostor += (vectors[labels == person] @ vectors[labels == other].T).ravel().tolist()
    for far in (0.2, 0.05):
        allowed = int(far * len(impostor) + 1e-9)
        threshold = sorted(impostor, reverse=True)[allowed]
        expected = np.mean([score > threshold + 1e-12 for score in genuine])
        got = tar_statistic(score_all(vectors, labels), (far,))(weights.astype(float))
        assert got[0] == pytest.approx(expected, abs=1e-12)


def listed_pairs(generator, labels, pairs=60):
    first = generator.integers(0, len(labels), pairs)
    second = np.where(generator.random(pairs) < 0.5, first // 3 * 3 + (first + 1) % 3, (first + 7) % len(labels))
    return Pairs(first, second, labels[first] == labels[second])


def test_accuracy_weights_count_pairs():
    generator = np.random.default_rng(1)
    vectors, labels = draw_people(generator, 12)
    pairs = listed_pairs(generator, labels)
    weights = generator.integers(0, 3, 12).astype(float)
    of_pairs = [
        weights[labels[i]] if labels[i] == labels[j] else weights[labels[i]] * weights[labels[j]]
        for i, j in zip(pairs.first, pairs.second, strict=True)
    ]
    distances = np.square(vectors[pairs.first] - vectors[pairs.second]).sum(axis=1)
    statistic = accuracy_statistic(distances, labels, pairs)
    assert statistic(weights)[0] == ten_fold(distances, pairs.same, 10, np.array(of_pairs)).accuracy
    assert statistic(np.ones(12))[0] == ten_fold(distances, pairs.same).accuracy


def test_resamples_draw_as_many_and_repeat_with_the_seed():
    once, again, other = (np.stack(list(resamples(50, 200, seed))) for seed in (3, 3, 4))
    assert (once == again).all()
    assert (once != other).any()
    assert (once.sum(axis=1) == 50).all()
    # Binomial(50, 1/50): mean 1, variance 0.98; 10,000 draws.
    assert once.mean() == 1
    assert once.var() == pytest.approx(0.98, abs=0.05)


def test_interval_leaves_empty_replicates_out():
    low, high = interval(np.array([[np.nan], *([float(value)] for value in range(101))]))
    assert (low[0], high[0]) == pytest.approx((2.5, 97.5))


def true_tar(generator, far, people=200_000):
    """From independent pairs: one of every person with itself, one with the next."""
    vectors, _ = draw_people(generator, people, images=2)
    one, other = vectors[0::2], vectors[1::2]
    threshold = np.quantile((one * np.roll(other, 1, axis=0)).sum(axis=1), 1 - far)
    return np.mean((one * other).sum(axis=1) > threshold)


def test_tar_interval_covers_the_truth():
    generator = np.random.default_rng(5)
    truth = true_tar(generator, 0.05)
    covered = 0
    for study in range(100):
        scores = score_all(*draw_people(generator, 60))
        low, high = interval(bootstrap(tar_statistic(scores, (0.05,)), 60, replicates=120, seed=study))
        covered += int(low[0] <= truth <= high[0])
    # Binomial(100, 0.95) lies within 88 ... 100 in 99.6 of 100 cases; 99 and more would be intervals without use.
    assert 88 <= covered <= 99


def test_intervals_that_ignore_identities_would_be_too_narrow():
    """The other side: people who each have one quality, and many images, need an interval over people."""
    generator = np.random.default_rng(6)
    scores = score_all(*draw_people(generator, 30, images=8))
    low, high = interval(bootstrap(tar_statistic(scores, (0.05,)), 30, replicates=300))
    tar = tar_at_far(scores, (0.05,))[0].tar
    as_if_independent = 2 * 1.96 * np.sqrt(tar * (1 - tar) / len(scores.genuine))
    assert high[0] - low[0] > 2 * as_if_independent


def models(values, slope):
    """Figures that depend on the identities drawn through a quality shared by all models."""
    quality = np.linspace(-1, 1, 40)

    def model(value):
        return lambda weights: np.array([value + slope * (weights @ quality) / weights.sum()])

    return [model(value) for value in values]


def test_what_models_share_cancels_in_a_paired_difference():
    difference = paired_difference(models([0.5], 1.0), models([0.6], 1.0), 40, replicates=200)
    assert difference.mean[0] == pytest.approx(0.1)
    assert difference.low[0] == pytest.approx(0.1)
    assert difference.high[0] == pytest.approx(0.1)
    assert difference.significant == [True]


def test_identities_widen_a_paired_difference():
    difference = paired_difference(models([0.5], 1.0), models([0.6], 0.0), 40, replicates=2000)
    # The mean of 40 draws of a quality uniform over -1 ... 1.
    spread = np.linspace(-1, 1, 40).std() / np.sqrt(40)
    assert difference.high[0] - difference.low[0] == pytest.approx(2 * 1.96 * spread, rel=0.1)
    assert difference.significant == [False]


def test_seeds_widen_a_paired_difference_by_their_variance():
    first, second = np.random.default_rng(0).standard_normal((2, 5))
    difference = paired_difference(models(first, 0.0), models(second, 0.0), 40, replicates=6000)
    spread = np.sqrt(first.var(ddof=1) / 5 + second.var(ddof=1) / 5)
    assert difference.mean[0] == pytest.approx(second.mean() - first.mean())
    assert difference.high[0] - difference.low[0] == pytest.approx(2 * 1.96 * spread, rel=0.05)
