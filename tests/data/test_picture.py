"""Sets of faces as pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facedistill.data.folder import FolderFaces
from facedistill.data.inspect import histogram
from facedistill.data.picture import TILE_PX, save_histogram, save_sheet
from facedistill.errors import UserError

STEP_PX = TILE_PX + 2


def paint(path: Path, level: int, height: int = 16, width: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), level, np.uint8))


def levels(sheet: np.ndarray) -> list[list[int]]:
    """The grey in the middle of every tile."""
    return sheet[TILE_PX // 2 :: STEP_PX, TILE_PX // 2 :: STEP_PX, 0].tolist()


def test_a_row_is_an_identity_and_rows_are_spread_over_the_set(tmp_path: Path) -> None:
    for identity in range(9):
        for image in range(1 + identity):
            paint(tmp_path / "faces" / str(identity) / f"{image}.png", 10 * identity + image)
    (tmp_path / "faces" / "4" / "1.png").write_bytes(b"")
    save_sheet(tmp_path / "sheet.png", FolderFaces(tmp_path / "faces"), rows=3, columns=4)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (3 * STEP_PX - 2, 4 * STEP_PX - 2, 3)
    assert levels(sheet) == [[0, 255, 255, 255], [40, 255, 42, 43], [80, 81, 82, 83]]


def test_without_identities_images_are_spread_and_fitted_into_squares(tmp_path: Path) -> None:
    for image in range(5):
        paint(tmp_path / "faces" / f"{image}.png", 10 * image, height=8, width=16)
    save_sheet(tmp_path / "sheet.png", FolderFaces(tmp_path / "faces", labelled=False), rows=1, columns=3)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert levels(sheet) == [[0, 20, 40]]
    assert (sheet[:28, :TILE_PX] == 255).all()
    assert (sheet[28:84, :TILE_PX] == 0).all()


def test_nothing_is_overwritten_and_only_png_is_written(tmp_path: Path) -> None:
    paint(tmp_path / "faces" / "a" / "1.png", 3)
    faces, bins = FolderFaces(tmp_path / "faces"), histogram(np.array([1, 5, 5]))
    save_histogram(tmp_path / "bars.png", bins)
    assert cv2.imread(str(tmp_path / "bars.png")).min() == 0
    with pytest.raises(UserError, match=r"bars\.png exists and is never overwritten"):
        save_sheet(tmp_path / "bars.png", faces)
    with pytest.raises(UserError, match=r"bars\.svg would be a PNG"):
        save_histogram(tmp_path / "bars.svg", bins)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.png", "faces"]
