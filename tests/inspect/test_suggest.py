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
    pairs = suggested(all_pairs([FINE, COARSE], [FINE, COARSE], np.full((2, 2), 0.5)), centres=16)
    assert [pair.recipe for pair in pairs] == ["stage: -1, teacher_stage: -1", "stage: -2, teacher_stage: -2"]
    crossed = suggested(all_pairs([FINE, COARSE], [COARSE, FINE], np.full((2, 2), 0.5)), centres=16)
    assert [(pair.stage, pair.teacher_stage) for pair in crossed] == [(-2, -1), (-1, -2)]


def test_nothing_alike_suggests_nothing() -> None:
    assert suggested(all_pairs([FINE], [FINE], np.array([[-0.1]])), centres=16) == []
    assert suggested(all_pairs([Seen((8, 8), 0.0)], [Seen((8, 8), 0.0)], np.array([[1.0]])), centres=16) == []


def test_the_deepest_pair_with_room_for_the_centres_comes_first() -> None:
    """16 cells feed 16 centres with different things and 17 not; 64 cells feed both."""
    pairs = all_pairs([FINE, COARSE], [FINE, COARSE], np.full((2, 2), 0.5))
    assert [pair.stage for pair in suggested(pairs, centres=16)] == [-1, -2]
    first, second = suggested(pairs, centres=17)
    assert (first.stage, second.stage) == (-2, -1)
    assert second.reason(16) == (
        "student and teacher listen within 30 and 30 px, from 4 x 4 and 4 x 4 cells, and order the faces alike (CKA "
        "0.50)"
    )
    assert second.reason(17).endswith("; but 16 cells cannot feed 17 local centres with different things")


def test_fewer_tokens_than_centres_read_fewer_different_things() -> None:
    """The rule's reason: what L centres read of N < L cells spans N dimensions at most."""
    attention = np.random.default_rng(0).dirichlet(np.ones(9), size=49)
    values = np.random.default_rng(1).normal(size=(9, 64))
    assert np.linalg.matrix_rank(attention @ values) == 9
