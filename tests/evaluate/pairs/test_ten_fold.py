"""Ten-fold verification against published golden figures and plain loops."""

import numpy as np
import pytest

from facedistill.data.pairs import Pairs
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.pairs.likeness import likeness
from facedistill.evaluate.pairs.ten_fold import fold_of, ten_fold

# Results of the reference implementation of insightface's verification on the inputs made below.
GOLDEN = [
    {
        "made_by": (0, 6000, 1.6),
        "folds": [0.955, 0.96, 0.943333, 0.965, 0.94, 0.94, 0.956667, 0.945, 0.95, 0.936667],
        "mean": 0.9491666666666667,
        "std": 0.009136313382443832,
        "std_ddof1": 0.009630519901866511,
        "xnorm": 6.982829236584843,
    },
    {
        "made_by": (1, 7000, 1.6),
        "folds": [0.944286, 0.948571, 0.945714, 0.952857, 0.955714, 0.941429, 0.944286, 0.935714, 0.952857, 0.942857],
        "mean": 0.9464285714285715,
        "std": 0.005794085654478077,
        "std_ddof1": 0.006107502542086035,
        "xnorm": 6.955178527446829,
    },
    {
        "made_by": (2, 6000, 2.4),
        "folds": [0.883333, 0.856667, 0.891667, 0.848333, 0.828333, 0.846667, 0.883333, 0.881667, 0.855, 0.885],
        "mean": 0.866,
        "std": 0.020442330808615943,
        "std_ddof1": 0.021548108679286,
        "xnorm": 7.9731458571169425,
    },
]


def golden_input(seed, pairs, noise):
    generator = np.random.default_rng(seed)
    same = np.tile(np.repeat([True, False], pairs // 20), 10)
    a, b = generator.standard_normal((pairs, 32)), generator.standard_normal((pairs, 32))
    b[same] = a[same] + noise * b[same]
    original = np.stack([a, b], 1).reshape(2 * pairs, 32)
    mirrored = original + 0.3 * generator.standard_normal((2 * pairs, 32))
    norms = (np.linalg.norm(original, axis=1) + np.linalg.norm(mirrored, axis=1)) / 2
    return Embeddings(np.stack([original, mirrored]), norms), same


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"seed{golden['made_by'][0]}")
def test_golden(golden):
    embeddings, same = golden_input(*golden["made_by"])
    numbers = np.arange(len(embeddings.unit))
    distances = likeness(embeddings.unit, embeddings.unit, Pairs(numbers[::2], numbers[1::2], same)).distances
    result = ten_fold(distances, same)
    np.testing.assert_allclose(result.accuracies, golden["folds"], atol=1e-6)
    assert result.accuracy == pytest.approx(golden["mean"], abs=1e-9)
    assert result.std() == pytest.approx(golden["std"], abs=1e-9)
    assert result.std(ddof=1) == pytest.approx(golden["std_ddof1"], abs=1e-9)
    assert embeddings.xnorm == pytest.approx(golden["xnorm"], abs=1e-9)


def looped(distances, same, weights, folds):
    """The protocol as one would tell it."""
    fold_lists = np.array_split(np.arange(len(same)), folds)
    accuracies, chosen = [], []
    for test in fold_lists:
        best, best_threshold = -1.0, None
        for threshold in np.arange(0, 4, 0.01):
            right = total = 0.0
            for i in set(range(len(same))) - set(test):
                right += weights[i] * ((distances[i] < threshold) == same[i])
                total += weights[i]
            if right / total > best:
                best, best_threshold = right / total, threshold
        right = sum(weights[i] * ((distances[i] < best_threshold) == same[i]) for i in test)
        accuracies.append(right / sum(weights[i] for i in test))
        chosen.append(best_threshold)
    return accuracies, chosen


@pytest.mark.parametrize("pairs", [23, 30])
def test_weighted_folds_equal_loops(pairs):
    generator = np.random.default_rng(pairs)
    same = generator.random(pairs) < 0.5
    # Multiples of 0.25 lie on thresholds: "below" must be strict.
    distances = np.round(np.where(same, 1, 2) + generator.standard_normal(pairs).clip(-1, 1.9)) / 4
    weights = generator.integers(1, 4, pairs).astype(float)
    result = ten_fold(distances, same, 10, weights)
    accuracies, thresholds = looped(distances, same, weights, 10)
    np.testing.assert_allclose(result.accuracies, accuracies, atol=1e-12)
    np.testing.assert_allclose(result.thresholds, thresholds, atol=1e-12)


def test_the_first_folds_take_the_rest():
    assert np.bincount(fold_of(23)).tolist() == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]


def test_a_fold_that_weighs_nothing_says_nothing():
    same = np.tile([True, False], 10)
    weights = np.ones(20)
    weights[:2] = 0
    result = ten_fold(np.where(same, 0.5, 1.5), same, 10, weights)
    assert np.isnan(result.accuracies[0])
    assert result.accuracy == 1
    assert np.isnan(ten_fold(np.ones(20), same, 10, np.zeros(20)).accuracy)


def test_a_zero_vector_stays_zero():
    embeddings = Embeddings(np.array([[[0.0, 0.0], [3.0, 4.0]]]), np.zeros(2))
    assert embeddings.unit.tolist() == [[0, 0], [0.6, 0.8]]
