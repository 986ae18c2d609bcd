"""The published ROC rule against scikit-learn, and the strict rule beside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from facedistill.evaluate.templates.nearest_far import nearest, nearest_points, published_curve

FARS = (1e-6, 1e-3, 0.03, 0.1, 0.5)


def published(genuine, impostor):
    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    return roc_curve(labels, np.concatenate([genuine, impostor]))


def check(genuine, impostor):
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    far, tar, thresholds = published(genuine, impostor)
    curve = published_curve(genuine, impostor)
    np.testing.assert_array_equal(curve.far, far)
    np.testing.assert_array_equal(curve.tar, tar)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    for asked in FARS:
        at = list(zip(np.abs(far[::-1] - asked), range(len(far)), strict=True))
        first = min(at)[1]
        assert curve.tar[nearest(curve, asked)] == tar[::-1][first]
        assert curve.far[nearest(curve, asked)] == far[::-1][first]


scores = st.lists(st.integers(-8, 8).map(lambda number: number / 8), min_size=1, max_size=30).map(np.array)


@given(scores, scores)
def test_curve_of_ties_equals_scikit_learn(genuine, impostor):
    check(genuine, impostor)


@pytest.mark.parametrize("decimals", [1, 2, 3, 16])
@pytest.mark.parametrize(("right", "wrong"), [(1, 1), (1, 2), (3, 500), (500, 3), (400, 9000)])
def test_curve_equals_scikit_learn(decimals, right, wrong):
    chance = np.random.default_rng(decimals)
    check((chance.standard_normal(right) + 2).round(decimals), chance.standard_normal(wrong).round(decimals))


def test_strict_figure_equals_loops():
    chance = np.random.default_rng(0)
    genuine = np.sort((chance.standard_normal(300) + 1).round(2))
    impostor = np.sort(chance.standard_normal(900).round(2))
    for point in nearest_points(genuine, impostor, FARS):
        allowed = [t for t in [*impostor, 99.0] if np.mean(impostor > t) <= point.far_asked + 1e-12]
        assert point.strict_tar == max(np.mean(genuine > t) for t in allowed)
        assert point.strict_far == np.mean(impostor > point.strict_threshold) <= point.far_asked


def test_the_nearest_point_may_exceed_the_far_asked_for():
    impostor, genuine = np.array([0.1, 0.2, 0.5]), np.array([0.3, 0.4, 0.6])
    (point,) = nearest_points(genuine, impostor, (0.25,))
    assert (point.tar, point.far) == (1.0, 1 / 3)
    assert (point.strict_tar, point.strict_far) == (1 / 3, 0.0)


@pytest.mark.parametrize(("count", "supported"), [(300, True), (299, False)])
def test_few_impostor_errors_are_unsupported(count, supported):
    (point,) = nearest_points(np.array([1.0]), np.linspace(0, 1, count), (0.1,))
    assert point.supported is supported
