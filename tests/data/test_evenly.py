"""Some of many, at equal distances."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facedistill.data.evenly import evenly


@given(st.integers(1, 10_000_000), st.integers(2, 300))
def test_both_ends_and_nothing_twice(count, wanted):
    chosen = evenly(count, wanted)
    assert len(chosen) == min(count, wanted)
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    if len(chosen) > 1:
        steps = np.diff(chosen)
        assert steps.min() >= 1
        assert steps.max() - steps.min() <= 1


def test_of_nothing_nothing():
    assert len(evenly(0, 5)) == 0
