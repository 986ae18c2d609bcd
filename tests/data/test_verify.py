"""Damage is found, also what OpenCV paints over."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from facedistill.data.codec import decode
from facedistill.data.contract import UnreadableImage
from facedistill.data.folder import FolderFaces
from facedistill.data.synthetic import DrawnFaces
from facedistill.data.verify import TASK, TASKS_AT_ONCE, Bad, check_strictly, find_bad


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def jpeg(crop: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", crop, options)[1].tobytes()


def test_a_hole_in_a_jpeg_is_found_where_opencv_sees_none(crop: np.ndarray) -> None:
    data = bytearray(jpeg(crop))
    data[1500:1800] = bytes(300)
    assert decode(bytes(data)).shape == (112, 112, 3)
    with pytest.raises(UnreadableImage, match="it is damaged: "):
        check_strictly(bytes(data))
    with pytest.raises(UnreadableImage, match="it is damaged: "):
        check_strictly(bytes(data[:1500] + data[-2:]))


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)])
@pytest.mark.parametrize("colour", [True, False])
def test_whole_jpegs_pass(crop: np.ndarray, options: tuple[int, ...], colour: bool) -> None:
    check_strictly(jpeg(crop if colour else crop[..., 0], *options))


def test_planes_of_sizes_that_the_strict_decoder_does_not_know_are_left_to_opencv(crop: np.ndarray) -> None:
    data = bytearray(jpeg(crop, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444))
    frame = data.index(b"\xff\xc0")
    data[frame + 17] = 0x21  # the last plane twice as wide as the others
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg(bytes(data))
    check_strictly(bytes(data))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp"])
def test_other_formats_are_decoded(crop: np.ndarray, suffix: str) -> None:
    data = cv2.imencode(suffix, crop)[1].tobytes()
    check_strictly(data)
    with pytest.raises(UnreadableImage):
        check_strictly(data[:-60] + data[-12:])


@pytest.mark.parametrize("threads", [1, 3])
def test_bad_images_are_listed_in_order_with_their_reason(tmp_path: Path, crop: np.ndarray, threads: int) -> None:
    count = TASK * TASKS_AT_ONCE + 70
    (tmp_path / "p").mkdir()
    data = jpeg(crop[:16, :16])
    for number in range(count):
        (tmp_path / "p" / f"{number:04d}.jpg").write_bytes(data)
    (tmp_path / "p" / "0000.jpg").write_bytes(b"")
    (tmp_path / "p" / "0063.jpg").write_bytes(b"letter")
    (tmp_path / "p" / f"{count - 1:04d}.jpg").write_bytes(data[:-9])
    faces = FolderFaces(tmp_path)
    (tmp_path / "p" / "0700.jpg").unlink()
    told: list[int] = []
    found = find_bad(faces, threads=threads, report=told.append)
    assert found == [
        Bad("p/0000.jpg", "it is empty"),
        Bad("p/0063.jpg", "it is not a JPEG, PNG, WebP or BMP image"),
        Bad("p/0700.jpg", f"{tmp_path}/p/0700.jpg: No such file or directory"),
        Bad(f"p/{count - 1:04d}.jpg", "it is truncated"),
    ]
    assert told == [TASK * TASKS_AT_ONCE, count]


def test_faces_that_are_no_files_are_drawn() -> None:
    told: list[int] = []
    assert find_bad(DrawnFaces(identities=1, images_per_identity=1, size_px=16), report=told.append) == []
    assert told == [1]
