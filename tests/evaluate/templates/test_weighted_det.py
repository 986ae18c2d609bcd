"""The bootstrap of long pair lists: exact where it says so, and close where it says so."""

import numpy as np
import pytest

from facedistill.evaluate.intervals.bootstrap import interval, resamples
from facedistill.evaluate.templates import weighted_det
from facedistill.evaluate.templates.components import joined_groups
from facedistill.evaluate.templates.weighted_det import ListedPairs, WeightedDet

FARS = (0.003, 0.02, 0.1, 0.6)


def draw_pairs(people, genuine, impostor, decimals=9, seed=0):
    """Scores lean on the people in them, so that people matter."""
    chance = np.random.default_rng(seed)
    quality = 0.5 * chance.standard_normal(people)
    person = chance.integers(0, people, genuine)
    first, second = chance.integers(0, people, impostor), chance.integers(0, people - 1, impostor)
    second += second >= first
    return ListedPairs(
        (2 + quality[person] + chance.standard_normal(genuine)).round(decimals),
        person,
        (quality[first] + quality[second] + chance.standard_normal(impostor)).round(decimals),
        first,
        second,
        people,
    )


def looped_tar(pairs, weights, far):
    """Best weighted TAR over every threshold that keeps the weighted FAR."""
    of_genuine = weights[pairs.genuine_person]
    of_impostor = weights[pairs.impostor_first] * weights[pairs.impostor_second]
    if not of_genuine.sum() or not of_impostor.sum():
        return np.nan
    best = 0.0
    for threshold in pairs.impostor:
        if of_impostor[pairs.impostor > threshold].sum() <= far * of_impostor.sum() + 1e-9:
            best = max(best, of_genuine[pairs.genuine > threshold].sum() / of_genuine.sum())
    return best


@pytest.mark.parametrize("decimals", [9, 1])
def test_every_rank_equals_loops(decimals):
    pairs = draw_pairs(12, 60, 400, decimals)
    weights = np.stack(list(resamples(12, 6)))
    expected = [[looped_tar(pairs, one, far) for far in FARS] for one in weights]
    np.testing.assert_allclose(WeightedDet(pairs, max(FARS)).tar(weights, FARS), expected, atol=1e-12)


def test_nothing_to_judge_says_nothing():
    pairs = draw_pairs(3, 2, 4)
    tars = WeightedDet(pairs, 0.1).tar(np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), (0.1,))
    assert np.isnan(tars).all()


def test_sparse_thresholds_stay_on_the_careful_side(monkeypatch):
    pairs = draw_pairs(50, 4000, 30_000)
    weights = np.stack(list(resamples(50, 20)))
    monkeypatch.setattr(weighted_det, "EVERY_RANK", 10**6)
    exact = WeightedDet(pairs, 0.6).tar(weights, FARS)
    monkeypatch.setattr(weighted_det, "EVERY_RANK", 20)
    sparse = WeightedDet(pairs, 0.6).tar(weights, FARS)
    assert (sparse <= exact + 1e-12).all()
    assert (sparse != exact).any()
    # 0.2 % of a FAR is 0.001 of a decade, over which these TARs move by less than 0.002.
    np.testing.assert_allclose(sparse, exact, atol=0.002)


def test_linear_weights_give_the_same_interval(monkeypatch):
    fars = (0.15, 0.3)
    pairs = draw_pairs(400, 4000, 120_000)
    weights = np.stack(list(resamples(400, 200)))
    exact = WeightedDet(pairs, 0.3).tar(weights, fars)
    monkeypatch.setattr(weighted_det, "EXACT_PAIRS", 12_000)
    linear = WeightedDet(pairs, 0.3).tar(weights, fars)
    assert (linear != exact).any()
    assert np.abs(linear - exact).mean() < 0.12 * exact.std(axis=0).min()
    width = np.subtract(*interval(exact)[::-1])
    for got, expected in zip(interval(linear), interval(exact), strict=True):
        np.testing.assert_allclose(got, expected, atol=0.05 * width.max())


def test_few_people_are_never_approximated(monkeypatch):
    pairs = draw_pairs(20, 300, 5000)
    weights = np.stack(list(resamples(20, 20)))
    exact = WeightedDet(pairs, 0.1).tar(weights, FARS)
    monkeypatch.setattr(weighted_det, "EXACT_PAIRS", 10)
    np.testing.assert_array_equal(WeightedDet(pairs, 0.1).tar(weights, FARS), exact)
    monkeypatch.setattr(weighted_det, "FEW_PEOPLE", 10)
    assert (WeightedDet(pairs, 0.1).tar(weights, FARS) != exact).any()


def looped_groups(members, pairs):
    groups = [{member} for member in range(members)]
    for first, second in pairs:
        one = next(group for group in groups if first in group)
        other = next(group for group in groups if second in group)
        if one is not other:
            groups.remove(other)
            one |= other
    return sorted(sorted(group) for group in groups)


@pytest.mark.parametrize("pairs", [0, 5, 20, 60])
def test_groups_equal_loops(pairs):
    chance = np.random.default_rng(pairs)
    first, second = chance.integers(0, 40, (2, pairs))
    found = joined_groups(40, first, second)
    members = [np.flatnonzero(found == group).tolist() for group in range(found.max() + 1)]
    assert members == looped_groups(40, zip(first.tolist(), second.tolist(), strict=True))


def test_a_long_chain_is_one_group():
    order = np.random.default_rng(0).permutation(1000)
    assert not joined_groups(1000, order[:-1], order[1:]).any()
