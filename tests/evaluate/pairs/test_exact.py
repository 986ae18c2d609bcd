"""The true optimum against every threshold there is, and the reference's interpolated TAR against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedistill.evaluate.pairs.exact import best_threshold, exact_ten_fold
from facedistill.evaluate.pairs.fold_tar import fold_tar_at_far
from facedistill.evaluate.pairs.ten_fold import fold_of, ten_fold

DISTANCES = st.lists(st.tuples(st.integers(0, 16), st.booleans()), min_size=1, max_size=30)


def accuracy(distances, same, threshold):
    return np.mean((distances < threshold) == same)


@given(DISTANCES)
def test_no_threshold_is_better(pairs):
    """Multiples of a quarter, so that many are tied."""
    distances, same = (np.array(part) for part in zip(*sorted(pairs), strict=True))
    distances = distances / 4
    found = best_threshold(distances, same)
    tried = [accuracy(distances, same, threshold) for threshold in np.arange(-0.125, 5, 0.125)]
    assert accuracy(distances, same, found) == max(tried)


def test_the_first_best_gap_is_split_in_its_middle():
    same = np.array([True, True, False, True, False])
    assert best_threshold(np.array([0.5, 1.0, 2.0, 3.0, 3.5]), same) == 1.5
    assert best_threshold(np.array([1.0, 2.0]), np.array([False, False])) == 1.0
    assert best_threshold(np.array([1.0, 2.0]), np.array([True, True])) == np.inf


def population(pairs=230, seed=0):
    generator = np.random.default_rng(seed)
    same = generator.random(pairs) < 0.5
    return np.where(same, 1.0, 2.0) + generator.standard_normal(pairs).clip(-0.99, 1.9) / 2, same


def test_exact_folds_equal_loops_and_see_no_test_pair():
    distances, same = population()
    fold = fold_of(len(same))
    result = exact_ten_fold(distances, same)
    for number in range(10):
        train = fold != number
        values = np.sort(distances[train])
        cuts = [values[0], *((values[1:] + values[:-1]) / 2), np.inf]
        accuracies = [accuracy(distances[train], same[train], cut) for cut in cuts]
        best = cuts[int(np.argmax(accuracies))]
        assert result.thresholds[number] == best
        assert result.accuracies[number] == accuracy(distances[~train], same[~train], best)
    assert result.accuracy != ten_fold(distances, same).accuracy


def looped_tar(distances, same, far, folds=10):
    """The published rule as one would tell it."""
    thresholds, fold = np.arange(0, 4, 0.001), fold_of(len(same), folds)
    for number in range(folds):
        train, test = fold != number, fold == number
        rates = [np.mean(distances[train & ~same] < threshold) for threshold in thresholds]
        chosen = 0.0
        for index, rate in enumerate(rates):
            if rate >= far:
                below = rates[index - 1]
                chosen = thresholds[index - 1] + (far - below) / (rate - below) * 0.001
                break
        yield chosen, np.mean(distances[test & same] < chosen), np.mean(distances[test & ~same] < chosen)


@pytest.mark.parametrize("far", [0.001, 0.05, 0.999])
def test_interpolated_tar_equals_loops(far):
    distances, same = population()
    result = fold_tar_at_far(distances, same, far)
    expected = np.array(list(looped_tar(distances, same, far)))
    np.testing.assert_allclose(np.stack([result.thresholds, result.tars, result.fars], 1), expected, atol=1e-12)


def test_a_far_that_no_threshold_reaches_accepts_nobody():
    result = fold_tar_at_far(np.full(20, 4.0), np.tile([True, False], 10), 0.5)
    assert result.thresholds.tolist() == [0.0] * 10
    assert result.summary["tar"] == 0


def test_folds_without_impostors_say_nothing_about_far():
    same = np.arange(20) < 18
    result = fold_tar_at_far(np.where(same, 0.5, 1.5), same, 0.5)
    assert np.isnan(result.fars[:9]).all()
    assert result.summary["far"] == 0.0
    assert fold_tar_at_far(np.ones(20), np.ones(20, bool), 0.5).summary["far"] is None
