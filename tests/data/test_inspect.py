"""What a set of faces holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedistill.data.inspect import count, histogram
from facedistill.data.mixed import Mixed
from facedistill.data.synthetic import DrawnFaces


def test_labelled_and_unlabelled_faces_are_counted_apart() -> None:
    labelled = DrawnFaces(identities=3, images_per_identity=2)
    counts = count(Mixed(labelled, [DrawnFaces(identities=5, images_per_identity=1)]))
    assert (counts.images, counts.identities, counts.unlabelled) == (11, 3, 5)
    assert counts.images_per_identity.tolist() == [2, 2, 2]


@given(st.lists(st.integers(0, 5000), max_size=50))
def test_every_identity_is_in_one_bin(per_identity: list[int]) -> None:
    bins = histogram(np.array(per_identity, dtype=np.int64))
    for each in bins:
        assert each.identities == sum(each.first <= images <= each.last for images in per_identity)
    assert sum(each.identities for each in bins) == len(per_identity)


@pytest.mark.parametrize(("images", "first", "last"), [(0, 0, 0), (1, 1, 1), (3, 2, 3), (4, 4, 7), (1024, 1024, 2047)])
def test_bins_double(images: int, first: int, last: int) -> None:
    bins = histogram(np.array([images]))
    assert (bins[-1].first, bins[-1].last, bins[-1].identities) == (first, last, 1)
