"""Which pairs are suggested, by the stated rule."""

import numpy as np
import pytest

from facedistill.inspect.suggest import Seen, all_pairs, suggested

FINE, COARSE = Seen((8, 8), 10.0), Seen((4, 4), 30.0)


def test_a_score_is_the_product_of_what_is_stated() -> None:
    (pair,) = all_pairs([Seen((8, 6), 10.0)], [Seen((4, 4), 25.0)], np.array([[0.5]]))
    assert (pair.field, pair.grid, pair.alike) == pytest.approx((0.4, 4 / 6, 0.5))
    assert pair.score == pytest.approx(0.4 * 4 / 6 * 0.5)
    assert pair.recipe == "stage: -1, teacher_stage: -1"


def test_each_must_be_the_others_best() -> None:
    """Student's first stage likes the teacher's only one as well, which likes the second better."""
    pairs = all_pairs([FINE, FINE], [FINE], np.array([[0.6], [0.7]]))
    assert [(pair.stage, pair.suggested) for pair in pairs] == [(-1, True), (-2, False)]


def test_fields_and_grids_decide_where_cka_does_not() -> None:
    pairs = suggested(all_pairs([FINE, COARSE], [FINE, COARSE], np.full((2, 2), 0.5)))
    assert [pair.recipe for pair in pairs] == ["stage: -1, teacher_stage: -1", "stage: -2, teacher_stage: -2"]
    crossed = suggested(all_pairs([FINE, COARSE], [COARSE, FINE], np.full((2, 2), 0.5)))
    assert [(pair.stage, pair.teacher_stage) for pair in crossed] == [(-2, -1), (-1, -2)]


def test_nothing_alike_suggests_nothing() -> None:
    assert suggested(all_pairs([FINE], [FINE], np.array([[-0.1]]))) == []
    assert suggested(all_pairs([Seen((8, 8), 0.0)], [Seen((8, 8), 0.0)], np.array([[1.0]]))) == []
