"""Ranks of models in every replicate, against plain loops."""

import numpy as np

from facedistill.evaluate.intervals.bootstrap import Replicates
from facedistill.evaluate.intervals.ranks import standings


def single(drawn):
    """A group of one seed, so that nothing but identities is drawn."""
    return [Replicates(np.mean(drawn, axis=0), np.asarray(drawn, dtype=float))]


def test_places_equal_loops() -> None:
    chance = np.random.default_rng(0)
    drawn_GRM = chance.normal(size=(4, 200, 2)) + np.array([0.0, 0.5, 1.0, 3.0])[:, None, None]
    found = standings([single(drawn) for drawn in drawn_GRM])
    for group, standing in enumerate(found):
        for figure in range(2):
            ranks = sorted(
                1 + sum(drawn_GRM[other, draw, figure] > drawn_GRM[group, draw, figure] for other in range(4))
                for draw in range(200)
            )
            assert standing.first[figure] == ranks.count(1) / 200
            # 2.5 and 97.5 % of the way from the first to the 200th, to the whole rank outwards.
            assert (standing.best[figure], standing.worst[figure]) == (ranks[4], ranks[195])


def test_the_better_in_every_replicate_is_surely_first() -> None:
    low = np.random.default_rng(1).uniform(0, 0.5, (50, 1))
    worse, better = standings([single(low), single(low + 0.1)])
    assert (better.first[0], better.best[0], better.worst[0]) == (1, 1, 1)
    assert (worse.first[0], worse.best[0], worse.worst[0]) == (0, 2, 2)


def test_equals_share_their_place() -> None:
    same = np.ones((20, 1))
    assert [(s.first[0], s.best[0], s.worst[0]) for s in standings([single(same)] * 3)] == [(1, 1, 1)] * 3


def test_replicates_without_a_figure_say_nothing() -> None:
    first, second = np.array([[1.0], [np.nan], [1.0], [1.0]]), np.array([[0.0], [5.0], [2.0], [0.0]])
    ahead, behind = standings([single(first), single(second)])
    assert (ahead.first[0], behind.first[0]) == (2 / 3, 1 / 3)
    lost, other = standings([single(np.full((4, 1), np.nan)), single(second)])
    assert np.isnan(lost.first[0])
    assert (lost.best[0], lost.worst[0]) == (other.best[0], other.worst[0]) == (1, 1)


def test_seeds_blur_the_places() -> None:
    """One group's two seeds lie on both sides of the other group's one."""
    blurred = [Replicates(np.array([value]), np.full((400, 1), value)) for value in (0.0, 1.0)]
    split, steady = standings([blurred, single(np.full((400, 1), 0.5))])
    assert abs(split.first[0] - 0.5) < 0.1
    assert split.first[0] + steady.first[0] == 1
    assert (split.best[0], split.worst[0]) == (1, 2)


def test_the_interval_of_ranks_goes_to_the_whole_rank_outwards() -> None:
    steady, seldom_ahead = np.zeros((100, 1)), np.where(np.arange(100) < 3, 1.0, -1.0)[:, None]
    first, second = standings([single(steady), single(seldom_ahead)])
    assert (first.best[0], first.worst[0]) == (1, 2), "three of a hundred are more than 2.5 %"
    assert (second.best[0], second.worst[0]) == (1, 2)
