"""Bad files are counted, named and replaced, and too many of them stop the run."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facedistill.data.folder import FolderFaces
from facedistill.data.resized import same_size
from facedistill.data.verified import Verified
from facedistill.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twenty people with ten crops; the level is the crop's number."""
    for number in range(200):
        path = tmp_path / f"{number // 10:02d}" / f"{number % 10}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8, 3), number, np.uint8))
    return tmp_path


@pytest.mark.parametrize("memory_mb", [0, 1])
def test_bad_files_are_replaced_by_the_next_readable_one(root: Path, memory_mb: int):
    (root / "03" / "9.png").write_bytes(b"")
    (root / "04" / "0.png").write_text("not a picture")
    (root / "19" / "9.png").write_bytes((root / "19" / "9.png").read_bytes()[:-6])
    faces = Verified(FolderFaces(root), tolerance=0.015, memory_mb=memory_mb)
    levels = [int(faces.image(index)[0, 0, 0]) for index in range(200)]
    expected = list(range(200))
    expected[39], expected[40], expected[199] = 41, 41, 0
    assert levels == expected
    assert faces.labels.tolist() == [number // 10 for number in expected]
    assert faces.name(39) == "04/1.png"
    assert [text.split(": ")[1] for text in faces.unreadable] == [
        "it is empty",
        "it is not a JPEG, PNG, WebP or BMP image",
        "it is truncated",
    ]


def test_files_are_decoded_once_where_memory_allows(root: Path):
    kept, lazy = Verified(FolderFaces(root)), Verified(FolderFaces(root), memory_mb=0)
    before = lazy.image(7).copy()
    for file in root.rglob("*.png"):
        file.unlink()
    assert np.array_equal(kept.image(7), before)
    with pytest.raises(Exception, match=r"7\.png"):
        lazy.image(7)


def test_tolerance_is_a_tenth_of_a_percent(root: Path):
    (root / "00" / "3.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"1 of 200 images cannot be read, more than the 0\.1 % allowed: .*3\.png: it"):
        Verified(FolderFaces(root))
    assert len(Verified(FolderFaces(root), tolerance=1 / 200).unreadable) == 1


def test_a_folder_of_nothing_but_bad_files_is_refused(root: Path):
    for file in root.rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(UserError, match="Not one of 200 images can be read"):
        Verified(FolderFaces(root), tolerance=1.0)


def test_crops_that_are_not_square_count_as_unreadable(root: Path):
    cv2.imwrite(str(root / "00" / "4.png"), np.zeros((8, 9, 3), np.uint8))
    faces = Verified(FolderFaces(root), tolerance=0.01)
    assert faces.unreadable == ("00/4.png: 9 x 8 pixels are not square; align the face first",)


def test_progress_ends_at_the_number_of_images(root: Path):
    told: list[int] = []
    Verified(FolderFaces(root), progress=told.append)
    assert told[-1] == 200


def test_the_size_asked_for_is_given(root: Path):
    assert Verified(FolderFaces(root), size_px=12).image(3).shape == (12, 12, 3)
    (root / "00" / "0.png").write_bytes(b"")
    assert same_size(FolderFaces(root)).size_px == 8
