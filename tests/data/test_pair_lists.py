"""Lists of pairs: both kinds of line, and every way a list can be wrong."""

import cv2
import numpy as np
import pytest

from facedistill.data.folder import FolderFaces
from facedistill.data.pairs import read_pairs
from facedistill.errors import UserError

PEOPLE = {"Ann_A": 3, "Bo": 2, "Cy": 1}


@pytest.fixture
def root(tmp_path):
    for person, images in PEOPLE.items():
        (tmp_path / person).mkdir()
        for number in range(1, images + 1):
            suffix = "png" if person == "Bo" else "jpg"
            cv2.imwrite(str(tmp_path / person / f"{person}_{number:04d}.{suffix}"), np.zeros((8, 8, 3), np.uint8))
    return tmp_path


def write_txt(root, *rows, header="2\t1"):
    (root / "pairs.txt").write_text("\n".join([header, *rows]) + "\n")


GOOD = ("Ann_A\t1\t3", "Ann_A\t2\tBo\t1", "Bo\t1\t2", "Bo\t2\tCy\t1")


def test_lines_of_both_kinds(root):
    write_txt(root, *GOOD)
    faces = FolderFaces(root)
    pairs = read_pairs(root, faces)
    assert pairs.folds == 2
    assert pairs.same.tolist() == [True, False, True, False]
    assert [faces.name(i) for i in pairs.first.tolist()] == [
        "Ann_A/Ann_A_0001.jpg",
        "Ann_A/Ann_A_0002.jpg",
        "Bo/Bo_0001.png",
        "Bo/Bo_0002.png",
    ]
    assert [faces.name(i) for i in pairs.second.tolist()] == [
        "Ann_A/Ann_A_0003.jpg",
        "Bo/Bo_0001.png",
        "Bo/Bo_0002.png",
        "Cy/Cy_0001.jpg",
    ]


def test_a_folder_without_a_list_has_no_pairs(root):
    assert read_pairs(root, FolderFaces(root)) is None


def test_windows_lines_and_a_byte_order_mark_are_read(root):
    (root / "pairs.txt").write_bytes(("\ufeff2\t1\r\n" + "\r\n".join(GOOD) + "\r\n\r\n").encode())
    assert len(read_pairs(root, FolderFaces(root))) == 4


def test_csv(root):
    rows = ["Ann_A/Ann_A_0001.jpg,Ann_A/Ann_A_0002.jpg,1", "Cy/Cy_0001.jpg,Bo/Bo_0001.png,0"] * 5
    (root / "pairs.csv").write_text("\n".join(["first,second,same", *rows]))
    pairs = read_pairs(root, FolderFaces(root))
    assert pairs.folds == 10
    assert pairs.first.tolist() == [0, 5] * 5
    assert pairs.second.tolist() == [1, 3] * 5
    assert pairs.same.tolist() == [True, False] * 5


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((*GOOD[:3], "Bo\t2\tCy\t7"), r"line 5: there is no image 'Cy/Cy_0007'"),
        (GOOD[:3], r"promises 2 folds of 2 x 1 pairs and lists 3"),
        ((*GOOD[:3], "Bo\t2"), r"line 5: expected 'person i j'"),
        ((*GOOD[:3], "Bo\ttwo\tCy\t1"), r"line 5: expected 'person i j'"),
        ((*GOOD[:3], "Bo\t2\tBo\t1"), r"line 5: .* listed as two people"),
    ],
)
def test_bad_lines_are_named(root, rows, message):
    write_txt(root, *rows)
    with pytest.raises(UserError, match=message):
        read_pairs(root, FolderFaces(root))


@pytest.mark.parametrize("header", ["", "10", "Ann_A\t1\t2", "1\t2", "ten\t300"])
def test_a_bad_header_is_named(root, header):
    write_txt(root, *GOOD, header=header)
    with pytest.raises(UserError, match="line 1: expected the number of folds"):
        read_pairs(root, FolderFaces(root))


def test_an_empty_or_binary_list_is_refused(root):
    for content, message in ((b"", "line 1"), (b"\xff\xfe\x00\xd8", "Cannot read")):
        (root / "pairs.txt").write_bytes(content)
        with pytest.raises(UserError, match=message):
            read_pairs(root, FolderFaces(root))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a,b\n1,2", "columns first,second,same"),
        ("first,second,same\nCy/Cy_0001.jpg,Bo/Bo_0001.png,maybe", "line 2: expected two paths"),
        ("first,second,same\nCy/Cy_0001.jpg,Bo/Bo_0001.png,0", "1 pairs, too few for 10 folds"),
        ("first,second,same" + "\nCy/Cy_0001.jpg,Bo/Bo_0001.png,1" * 10, "listed as the same person"),
    ],
)
def test_bad_csv_is_named(root, lines, message):
    (root / "pairs.csv").write_text(lines)
    with pytest.raises(UserError, match=message):
        read_pairs(root, FolderFaces(root))
