"""Who is mixed with whom: by chance, and always the same."""

import numpy as np
import pytest

from facedistill.data.mix import Mix, mixed
from facedistill.errors import UserError


def test_the_share_and_the_weights_are_those_asked_for() -> None:
    drawn = [Mix(share=0.3, alpha=2.0).partner(50, seed=1, index=k % 50, number=k // 50) for k in range(4000)]
    found = [pair for pair in drawn if pair is not None]
    assert len(found) / 4000 == pytest.approx(0.3, abs=0.03)
    weights = np.array([weight for _, weight in found])
    assert weights.mean() == pytest.approx(0.5, abs=0.03)
    assert weights.var() == pytest.approx(1 / 20, abs=0.01), "Beta(2, 2)"
    assert len({partner for partner, _ in found}) == 50


def test_nobody_is_mixed_with_himself() -> None:
    pairs = [Mix(share=1.0).partner(3, seed=0, index=k % 3, number=k) for k in range(60)]
    assert all(pair is not None and pair[0] != k % 3 for k, pair in enumerate(pairs))
    assert {pair[0] for pair in pairs} == {0, 1, 2}
    assert Mix(share=1.0).partner(1, seed=0, index=0, number=0) is None


def test_it_depends_on_seed_sample_and_view_alone() -> None:
    mix = Mix(share=1.0)
    first = mix.partner(99, seed=4, index=5, number=6)
    assert mix.partner(99, seed=4, index=5, number=6) == first
    others = [mix.partner(99, seed=s, index=i, number=n) for s, i, n in [(3, 5, 6), (4, 6, 6), (4, 5, 7)]]
    assert len({first, *others}) == 4
    assert Mix(share=0.0).partner(99, seed=4, index=5, number=6) is None


def test_pixels_are_rounded() -> None:
    own, other = np.full((2, 2, 3), 10, np.uint8), np.full((2, 2, 3), 201, np.uint8)
    assert mixed(own, other, 0.25)[0, 0, 0] == 153
    assert np.array_equal(mixed(own, other, 1.0), own)


@pytest.mark.parametrize("options", [{"share": 1.5}, {"share": -0.1}, {"alpha": 0.0}])
def test_numbers_without_sense_are_refused(options: dict) -> None:
    with pytest.raises(UserError, match=r"data\.mix needs a share from 0 to 1"):
        Mix(**options)
