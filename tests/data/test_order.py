"""Balanced batches: whole groups, no face twice, everybody as often, and the same for everybody who asks."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedistill.data.chance import Purpose, chance
from facedistill.data.order import Balanced, Shuffled
from facedistill.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def test_a_shuffle_is_what_it_always_was() -> None:
    rows = Shuffled().epoch(np.zeros(11, dtype=np.int64), 4, seed=9, number=3)
    assert rows.ravel().tolist() == chance(Purpose.ORDER, 9, 0, 3).permutation(11)[:8].tolist()
    assert rows.shape == (2, 4)
    assert rows.ravel().tolist() == [10, 2, 4, 7, 3, 1, 8, 5]


def test_every_batch_holds_whole_groups() -> None:
    labels = np.repeat(np.arange(12), 7)
    rows = Balanced(per_identity=3).epoch(labels, 12, seed=1, number=0)
    assert rows.shape == (7, 12)
    for row in rows:
        assert len(set(row.tolist())) == 12
        assert set(Counter(labels[row].tolist()).values()) <= {3, 6}
    shown = Counter(labels[rows.ravel()].tolist())
    assert max(shown.values()) - min(shown.values()) <= 3, "people take turns"
    assert max(Counter(rows.ravel().tolist()).values()) <= 2, "and so do a person's faces"


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=9),
    batch=st.integers(2, 12),
    each=st.integers(2, 5),
    share=st.sampled_from([0.3, 0.5, 1.0]),
)
def test_no_face_is_twice_in_a_batch(sizes: list[int], batch: int, each: int, share: float) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    if len(labels) < batch or round(share * batch) == 0:
        return
    order = Balanced(per_identity=each, share=share)
    order.check(labels, batch)
    rows = order.epoch(labels, batch, seed=0, number=1)
    assert rows.shape == (len(labels) // batch, batch)
    assert all(len(set(row.tolist())) == batch for row in rows)


def test_small_and_large_people_are_shown_as_often() -> None:
    labels = np.array([0] * 100 + [1] * 4 + [2] * 4)
    rows = Balanced(per_identity=2).epoch(labels, 6, seed=0, number=0)
    assert Counter(labels[rows.ravel()].tolist()) == {0: 36, 1: 36, 2: 36}


def test_half_of_a_batch_may_be_shuffled_with_the_unlabelled() -> None:
    labels = np.array([-1] * 50 + [k // 5 for k in range(50)])
    rows = Balanced(per_identity=4, share=0.5).epoch(labels, 16, seed=3, number=2)
    plain = Shuffled().epoch(labels, 16, seed=3, number=2).ravel()[: 6 * 8].reshape(6, 8)
    assert np.array_equal(rows[:, :8], plain)
    assert (labels[rows[:, 8:]] >= 0).all()
    for row in rows[:, 8:]:
        assert len(list(filter(None, (a == b for a, b in pairwise(labels[row].tolist()))))) >= 4


def test_every_epoch_and_seed_has_its_own_order() -> None:
    labels = np.repeat(np.arange(8), 5)
    orders = [Balanced().epoch(labels, 8, seed=s, number=n) for s in (0, 1) for n in (0, 1)]
    assert len({tuple(order.ravel().tolist()) for order in orders}) == 4
    assert np.array_equal(orders[3], Balanced().epoch(labels, 8, seed=1, number=1))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"per_identity": 1}, "it got 1 and 1"), ({"share": 0.0}, "it got 4 and 0"), ({"share": 1.1}, "it got 4 and 1.1")],
)
def test_numbers_without_sense_are_refused(options: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Balanced(**options)


def test_faces_that_cannot_fill_a_batch_are_refused() -> None:
    with pytest.raises(UserError, match="3 labelled faces do not fill one balanced batch of 4"):
        Balanced(share=0.5).check(np.array([0, 0, 1, -1, -1]), 4)
    with pytest.raises(UserError, match="would never show the unlabelled faces; lower its 'share'"):
        Balanced().check(np.array([0, 0, 0, 1, -1]), 4)
