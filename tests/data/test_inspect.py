"""What a set of faces holds."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedistill.data.folder import FolderFaces
from facedistill.data.inspect import Sizes, count, histogram, sizes
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


def test_sizes_are_read_from_headers_alone(tmp_path: Path) -> None:
    for number, (height, width) in enumerate([(8, 8), (8, 8), (9, 30), (8, 8)]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((height, width, 3), np.uint8))
    whole = (tmp_path / "0.png").read_bytes()
    (tmp_path / "4.png").write_bytes(whole[:-5])
    (tmp_path / "5.png").write_bytes(whole[:40] + bytes(9) + whole[-12:])
    faces = FolderFaces(tmp_path, labelled=False)
    assert sizes(faces) == Sizes({(8, 8): 4, (30, 9): 1}, looked_at=6, unreadable=1)
    assert sizes(faces, at_most=2) == Sizes({(8, 8): 2}, looked_at=2, unreadable=0)
    assert sizes(DrawnFaces(identities=1, images_per_identity=2, size_px=16)).images == {(16, 16): 2}
