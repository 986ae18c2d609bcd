"""Plain lists of images, good and bad."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facedistill.data.contract import UnreadableImage
from facedistill.data.lists import ListFaces
from facedistill.data.open import open_faces
from facedistill.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for level, name in enumerate(["a b/1.png", "c/2.png", "c/3.png", "Zoë.png"]):
        file = tmp_path / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(".png", np.full((8, 8, 3), level, np.uint8))[1].tobytes())
    return tmp_path


def write(root: Path, text: str) -> Path:
    (root / "list.txt").write_text(text, encoding="utf-8")
    return root / "list.txt"


@pytest.mark.parametrize("space", [" ", "\t", "  "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_order_and_labels_are_those_of_the_list(root, space, end):
    rows = ["images/c/3.png", "images/a b/1.png", "images/Zoë.png", "images/c/2.png"]
    lines = [f"{row}{space}{label}" for row, label in zip(rows, [10, 9, 10, -1], strict=True)]
    faces = ListFaces(write(root, "\ufeff" + end.join(lines)))
    assert [faces.name(index) for index in range(4)] == rows
    assert faces.identities == ("9", "10")
    assert faces.labels.tolist() == [1, 0, 1, -1]
    assert [int(faces.image(index)[0, 0, 0]) for index in range(4)] == [2, 0, 3, 1]
    assert faces.encoded(1) == (root / rows[1]).read_bytes()


def test_names_are_labels_too_and_can_be_left_out(root):
    file = write(root, f"images/c/3.png bob\n{root}/images/c/2.png\tanna maria\n")
    faces = open_faces(file)
    assert faces.identities == ("anna maria", "bob")
    assert faces.labels.tolist() == [1, 0]
    assert int(faces.image(1)[0, 0, 0]) == 1
    unlabelled = open_faces(file, labelled=False)
    assert unlabelled.identities == ()
    assert unlabelled.labels.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("images/c/2.png 1\nimages/c/9.png 1\n", r"list\.txt, line 2: there is no image .*c/9\.png"),
        ("images/c 1\n", "line 1: there is no image"),
        ("images/c/2.png\n", r"line 1: 'images/c/2\.png' has no label"),
        ("images/c/2.png\t\n", r"line 1: 'images/c/2\.png' has no label"),
        ("images/c/2.png 1\n\nimages/c/../c/2.png 2\n", r"line 3: images/c/\.\./c/2\.png is on line 1 already"),
        ("", "lists no images"),
        ("\n \n", "lists no images"),
    ],
)
def test_bad_lines_are_named(root, text, reason):
    with pytest.raises(UserError, match=reason):
        ListFaces(write(root, text))


def test_a_missing_list_and_a_vanished_image_are_named(root):
    with pytest.raises(UserError, match=r"Cannot read .*gone\.txt: No such file"):
        ListFaces(root / "gone.txt")
    faces = ListFaces(write(root, "images/c/2.png 1"))
    (root / "images/c/2.png").unlink()
    with pytest.raises(UnreadableImage, match=r"c/2\.png: No such file"):
        faces.image(0)
