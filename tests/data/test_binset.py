"""Verification sets in a ``.bin`` file: as the field writes them, and as they should not be."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from facedistill.data.binset import BinFaces
from facedistill.data.contract import UnreadableImage
from facedistill.errors import UserError


def picture(level: int) -> bytes:
    return cv2.imencode(".png", np.full((8, 8, 3), level, np.uint8))[1].tobytes()


PICTURES = [picture(level) for level in range(24)]
SAME = [True, False] * 6
UINT8 = b"cnumpy\ndtype\n\x8c\x02u1\x89\x88\x87R"


def write(file: Path, images: object, same: object, protocol: int = 2) -> Path:
    file.write_bytes(pickle.dumps((images, same), protocol))
    return file


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("shape", [None, (-1,), (-1, 1)], ids=["bytes", "row", "column"])
def test_images_and_pairs_are_those_of_the_file(tmp_path, protocol, shape):
    images = PICTURES if shape is None else [np.frombuffer(each, np.uint8).reshape(shape) for each in PICTURES]
    faces = BinFaces(write(tmp_path / "a.bin", images, SAME, protocol))
    assert len(faces) == 24
    assert faces.identities == ()
    assert set(faces.labels.tolist()) == {-1}
    assert [faces.encoded(index) for index in range(24)] == PICTURES
    assert [int(faces.image(index)[0, 0, 0]) for index in range(24)] == list(range(24))
    assert faces.name(7) == "000007"
    pairs = faces.pairs
    assert pairs.first.tolist() == list(range(0, 24, 2))
    assert pairs.second.tolist() == list(range(1, 24, 2))
    assert pairs.same.tolist() == SAME
    assert pairs.folds == 10


def test_an_image_that_the_file_refers_to_twice_is_two_faces(tmp_path):
    images = [PICTURES[0], PICTURES[1], PICTURES[0], PICTURES[2]]
    faces = BinFaces(write(tmp_path / "a.bin", images, [1, 0]))
    assert [faces.encoded(index) for index in range(4)] == images
    assert faces.same.tolist() == [True, False]
    with pytest.raises(UserError, match="2 pairs, too few for 10 folds"):
        _ = faces.pairs


def test_faces_survive_the_way_to_another_process_and_the_loss_of_their_file(tmp_path):
    file = write(tmp_path / "a.bin", PICTURES, SAME)
    faces = pickle.loads(pickle.dumps(BinFaces(file)))  # noqa: S301
    file.unlink()
    assert [faces.encoded(index) for index in range(24)] == PICTURES


def test_a_bad_image_is_named_and_the_others_stay(tmp_path):
    faces = BinFaces(write(tmp_path / "a.bin", [PICTURES[0], b"letter", b"\xff", PICTURES[1][:-20]], SAME[:2], 4))
    assert faces.image(0).shape == (8, 8, 3)
    for index, reason in ((1, "not a JPEG"), (3, "truncated")):
        with pytest.raises(UnreadableImage, match=rf"a\.bin, image 00000{index}: it is .*{reason}"):
            faces.image(index)


@pytest.mark.parametrize(
    ("images", "same", "reason"),
    [
        (PICTURES, SAME[:-1], "24 images and 11 pairs"),
        ([], [], "0 images and 0 pairs"),
        (PICTURES[:2], ["yes"], "pair 0 is the same person"),
        (PICTURES[:4], [True, 2], "pair 1 is the same person"),
        ([PICTURES[0], 7], [True], "image 1 is neither bytes nor"),
        ([PICTURES[0], np.zeros((4, 4, 3), np.uint8)], [True], "image 1 is neither bytes nor"),
        ([PICTURES[0], "text"], [True], "image 1 is neither bytes nor"),
        ([PICTURES[0], None], [True], "image 1 is neither bytes nor"),
        (7, [True], "a list of images and a list of booleans"),
        ([PICTURES[0]] * 2, True, "a list of images and a list of booleans"),
        ([PICTURES[0], 1.5], [True], "BINFLOAT at byte"),
        ({"images": PICTURES}, [True], "EMPTY_DICT at byte"),
        ([np.float32([1, 2])] * 2, [True], "REDUCE at byte"),
    ],
)
def test_what_is_no_verification_set_is_refused_in_a_sentence(tmp_path, images, same, reason):
    with pytest.raises(UserError, match=rf"a\.bin.*{reason}"):
        BinFaces(write(tmp_path / "a.bin", images, same, 4))


def test_missing_and_empty_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read .*gone\.bin: No such file"):
        BinFaces(tmp_path / "gone.bin")
    with pytest.raises(UserError, match=r"Cannot read .*: Is a directory"):
        BinFaces(tmp_path)
    (tmp_path / "empty.bin").touch()
    with pytest.raises(UserError, match="it ends at byte 0"):
        BinFaces(tmp_path / "empty.bin")


def test_arrays_that_share_their_bytes_do_not_fill_the_memory(tmp_path):
    """A thousand arrays of a megabyte in a file of a megabyte: read on demand they are small, joined a gigabyte."""
    size = (1_000_000).to_bytes(4, "little")
    image = b"B" + size + bytes(1_000_000) + b"q\x00"
    array = b"cnumpy._core.numeric\n_frombuffer\n(h\x00" + UINT8 + b"J" + size + b"\x85\x8c\x01CtR"
    bomb = b"\x80\x05(](" + image + array * 999 + b"e](" + b"\x88" * 500 + b"et."
    (tmp_path / "bomb.bin").write_bytes(bomb)
    with pytest.raises(UserError, match="its arrays share their bytes"):
        BinFaces(tmp_path / "bomb.bin")
