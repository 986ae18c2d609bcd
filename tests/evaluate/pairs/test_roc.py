"""TAR at FAR against plain loops over every pair and every threshold."""

import numpy as np
import pytest

from facedistill.data.pairs import Pairs
from facedistill.errors import UserError
from facedistill.evaluate.pairs import scores as scores_module
from facedistill.evaluate.pairs.roc import tar_at_far, weighted_tar
from facedistill.evaluate.pairs.scores import score_all, score_all_between, score_listed

FARS = (0.5, 0.1, 0.03, 0.004)


def people(seed=0, identities=12, images=40, width=5):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, identities, images)
    centres = generator.standard_normal((identities, width))
    vectors = centres[labels] + 0.8 * generator.standard_normal((images, width))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def looped_tar(genuine, impostor, far):
    """Best TAR over every threshold that matters; pairs are (score, weight)."""
    best = 0.0
    for threshold in [-2.0, *(score for score, _ in impostor)]:
        wrong = sum(weight for score, weight in impostor if score > threshold)
        if wrong <= far * sum(weight for _, weight in impostor) + 1e-9:
            right = sum(weight for score, weight in genuine if score > threshold)
            best = max(best, right / sum(weight for _, weight in genuine))
    return best


def looped_pairs(query, gallery, labels, ordered, weights=None):
    weights = np.ones(labels.max() + 1) if weights is None else weights
    genuine, impostor = [], []
    for i in range(len(labels)):
        for j in range(len(labels)):
            if i == j or (i > j and not ordered):
                continue
            score = float(np.dot(query[i], gallery[j]))
            if labels[i] == labels[j]:
                genuine.append((score, weights[labels[i]]))
            else:
                impostor.append((score, weights[labels[i]] * weights[labels[j]]))
    return genuine, impostor


@pytest.mark.parametrize("block_scores", [1, 130, 1_000_000])
def test_all_pairs_equal_loops(monkeypatch, block_scores):
    monkeypatch.setattr(scores_module, "_BLOCK_SCORES", block_scores)
    unit, labels = people()
    genuine, impostor = looped_pairs(unit, unit, labels, ordered=False)
    scores = score_all(unit, labels)
    np.testing.assert_allclose(scores.genuine, sorted((score for score, _ in genuine), reverse=True), atol=1e-12)
    np.testing.assert_allclose(scores.impostor, sorted((score for score, _ in impostor), reverse=True), atol=1e-12)
    assert scores.impostor_pairs == len(impostor)
    for point in tar_at_far(scores, FARS):
        assert point.tar == pytest.approx(looped_tar(genuine, impostor, point.far_asked), abs=1e-12)
        assert point.far <= point.far_asked
        assert point.impostors_accepted == sum(score > point.threshold + 1e-12 for score, _ in impostor)


def test_pairs_between_two_networks_equal_loops():
    (query, labels), (gallery, _) = people(1), people(2)
    genuine, impostor = looped_pairs(query, gallery, labels, ordered=True)
    scores = score_all_between(query, gallery, labels)
    assert scores.impostor_pairs == len(impostor) == len(scores.impostor)
    assert len(scores.genuine) == len(genuine)
    for point in tar_at_far(scores, FARS):
        assert point.tar == pytest.approx(looped_tar(genuine, impostor, point.far_asked), abs=1e-12)


@pytest.mark.parametrize("ordered", [False, True])
def test_weights_equal_loops(ordered):
    unit, labels = people(3)
    weights = np.random.default_rng(0).integers(0, 4, labels.max() + 1).astype(float)
    genuine, impostor = looped_pairs(unit, unit, labels, ordered, weights)
    scores = score_all_between(unit, unit, labels) if ordered else score_all(unit, labels)
    assert scores.impostor_total(weights) == pytest.approx(sum(weight for _, weight in impostor))
    expected = [looped_tar(genuine, impostor, far) for far in FARS]
    np.testing.assert_allclose(weighted_tar(scores, FARS, weights), expected, atol=1e-12)


def test_the_highest_impostors_are_enough(monkeypatch):
    unit, labels = people(4, identities=30, images=120)
    everything = score_all(unit, labels)
    monkeypatch.setattr(scores_module, "_KEEP_AT_LEAST", 1)
    monkeypatch.setattr(scores_module, "_BLOCK_SCORES", 500)
    few = score_all(unit, labels, keep=0.02)
    kept = int(np.ceil(0.02 * few.impostor_pairs))
    np.testing.assert_allclose(few.impostor, everything.impostor[:kept], atol=1e-12)
    np.testing.assert_array_equal(few.impostor_identities, everything.impostor_identities[:, :kept])
    assert tar_at_far(few, (0.01,))[0].tar == tar_at_far(everything, (0.01,))[0].tar


def test_listed_pairs_equal_loops():
    (query, labels), (gallery, _) = people(5), people(6)
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 40, 300), generator.integers(0, 40, 300)
    same = labels[first] == labels[second]
    listed = [float(np.dot(query[i], gallery[j])) for i, j in zip(first, second, strict=True)]
    genuine = [(score, 1.0) for score, alike in zip(listed, same, strict=True) if alike]
    impostor = [(score, 1.0) for score, alike in zip(listed, same, strict=True) if not alike]
    scores = score_listed(np.array(listed), labels, Pairs(first, second, same))
    for point in tar_at_far(scores, FARS):
        assert point.tar == pytest.approx(looped_tar(genuine, impostor, point.far_asked), abs=1e-12)


def test_tied_impostors_come_in_together():
    labels = np.array([0, 0, 1, 2])
    unit = np.array([[1.0, 0.0], [0.6, 0.8], [0.6, -0.8], [0.6, -0.8]])
    # Impostor scores: 0.6 twice, -0.28 twice, 1.0 once; the genuine pair scores 0.6 as well.
    scores = score_all(unit, labels)
    asked = tar_at_far(scores, (0.2, 0.5, 0.6))
    assert [point.impostors_accepted for point in asked] == [1, 1, 3]
    assert [point.tar for point in asked] == [0, 0, 1]
    assert weighted_tar(scores, (0.2, 0.5, 0.6), np.ones(3)).tolist() == [0, 0, 1]


@pytest.mark.parametrize("weights", [[1, 0, 0], [0, 1, 1]])
def test_weights_that_leave_nothing_to_judge_say_nothing(weights):
    unit = np.array([[1.0, 0.0], [0.6, 0.8], [0.6, -0.8], [0.6, -0.8]])
    assert np.isnan(weighted_tar(score_all(unit, np.array([0, 0, 1, 2])), (0.5,), np.array(weights, float))).all()


def test_rounding_loses_no_impostor():
    # 0.29 x 100 is 28.999999999999996 in binary: the 29th impostor is still allowed.
    angles = np.linspace(0.1, 1.5, 100)
    unit = np.concatenate([[[1.0, 0.0], [1.0, 0.0]], np.stack([np.cos(angles), np.sin(angles)], 1)])
    labels = np.array([0, 0, *range(1, 101)])
    pairs = Pairs(np.zeros(101, np.int64), np.arange(1, 102), np.arange(101) == 0)
    cosines = (unit[pairs.first] * unit[pairs.second]).sum(axis=1)
    assert tar_at_far(score_listed(cosines, labels, pairs), (0.29,))[0].impostors_accepted == 29


@pytest.mark.parametrize(("far", "supported"), [(0.4, True), (0.3, True), (0.29, False)])
def test_few_impostor_errors_are_unsupported(far, supported):
    generator = np.random.default_rng(0)
    unit = generator.standard_normal((102, 4))
    labels = np.array([0, 0, *range(1, 101)])
    pairs = Pairs(np.zeros(101, np.int64), np.arange(1, 102), np.arange(101) == 0)
    cosines = (unit[pairs.first] * unit[pairs.second]).sum(axis=1)
    assert tar_at_far(score_listed(cosines, labels, pairs), (far,))[0].supported is supported


def test_images_without_identity_are_left_out():
    unit, labels = people(7)
    known = labels != 2
    masked = np.where(known, labels, -1)
    assert tar_at_far(score_all(unit, masked), FARS) == tar_at_far(score_all(unit[known], labels[known]), FARS)


@pytest.mark.parametrize("far", [0.0, 1.0, -0.1, 2.0])
def test_a_far_that_is_no_share_is_refused(far):
    with pytest.raises(UserError, match="between 0 and 1"):
        tar_at_far(score_all(*people()), (far,))


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_nothing_to_judge_is_refused(labels):
    with pytest.raises(UserError, match="two images"):
        tar_at_far(score_all(np.eye(3), np.array(labels)), (0.1,))
