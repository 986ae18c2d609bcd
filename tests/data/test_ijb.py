"""IJB's lists: numbers by the million, lines that are wrong, files that do not agree."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedistill.data.contract import UnreadableImage
from facedistill.data.ijb.faces import IjbFaces
from facedistill.data.ijb.images import read_ijb_images
from facedistill.data.ijb.integers import read_integers
from facedistill.data.ijb.protocol_lists import read_listed, read_template_pairs
from facedistill.data.template import ARCFACE_TEMPLATE_PX
from facedistill.errors import UserError

IDS = np.array([3, 7, 20, 100])


def written(folder, text, name="list.txt"):
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@given(
    st.lists(st.tuples(*[st.integers(0, 2**31 - 1)] * 3), min_size=1, max_size=40),
    st.sampled_from([" ", "\t", "  ", " \t "]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_numbers_come_back(tmp_path_factory, rows, blank, newline, closed):
    lines = newline.join(blank.join(map(str, row)) for row in rows) + (newline if closed else "")
    file = written(tmp_path_factory.mktemp("list"), lines)
    assert read_integers(file, 3).tolist() == [list(row) for row in rows]


@pytest.mark.parametrize(
    "line", ["1 2", "1 2 3 4", "1 2 x", "1 -2 3", "1 2.5 3", "", "1 2 12345678901", "1;2;3", "1 2 \xb2"]
)
def test_a_wrong_line_is_named(tmp_path, line):
    file = written(tmp_path, f"1 2 3\n4 5 6\n7 8 9\n{line}\n1 2 3\n")
    with pytest.raises(UserError, match=r"list.txt, line 4: expected 3 whole numbers"):
        read_integers(file, 3)


def test_a_missing_list_is_said(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read .*none.txt: No such file"):
        read_integers(tmp_path / "none.txt", 3)


def test_pairs_are_places_of_templates(tmp_path):
    first, second, same = read_template_pairs(written(tmp_path, "3 100 1\n20 7 0\n3 7 0\n"), IDS)
    assert (first.tolist(), second.tolist(), same.tolist()) == ([0, 2, 0], [3, 1, 1], [True, False, False])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3 7 1\n3 8 0\n", r"line 2: of the templates 3 and 8 one has no image"),
        ("3 7 1\n3 101 0\n", r"line 2: of the templates 3 and 101"),
        ("3 7 1\n3 999999999 0\n", r"line 2: of the templates 3 and 999999999"),
        ("3 7 1\n3 20 2\n", r"line 2: the label is 1 or 0, got 2"),
        ("3 7 1\n3 20 1\n", r"has one kind only"),
        ("3 7 0\n", r"has one kind only"),
        ("", r"is empty"),
    ],
)
def test_wrong_pairs_are_named(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        read_template_pairs(written(tmp_path, text), IDS)


def test_template_numbers_have_a_limit(tmp_path):
    with pytest.raises(UserError, match="numbered from 0 to 9,999,999"):
        read_template_pairs(written(tmp_path, "1 2 1\n"), np.array([1, 10_000_000]))


@pytest.mark.parametrize("header", ["", "TEMPLATE_ID,SUBJECT_ID,FILENAME\n"])
def test_a_gallery_has_templates_and_subjects(tmp_path, header):
    listed = read_listed(written(tmp_path, f"{header}20,5,a.jpg\n20,5,b.jpg\n3, 9,c.jpg\n"), IDS)
    assert (listed.template.tolist(), listed.subject.tolist()) == ([2, 0], [5, 9])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("T,S\n20,5\n8,1\n", "line 3: template 8 has no image"),
        ("20,5\n20,6\n", "line 2: template 20 has a second subject, 6"),
        ("20,5\n3\n", "line 2: expected a template and a subject, got '3'"),
        ("20,5\n3,x\n", "line 2: expected a template and a subject"),
        ("T,S\n", "lists no template"),
    ],
)
def test_a_wrong_gallery_is_named(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        read_listed(written(tmp_path, text), IDS)


POINTS = "30 30 70 30 50 50 35 70 65 70 0.9"
TID_MID = "1.jpg 7 4\n2.jpg 3 5\n3.jpg 7 4\n"


def lists(folder, tid_mid=TID_MID, points=None):
    points = "".join(f"{number}.jpg {POINTS}\n" for number in (1, 2, 3)) if points is None else points
    return written(folder, tid_mid, "x_face_tid_mid.txt"), written(folder, points, "x_name_5pts_score.txt")


def test_both_lists_are_one(tmp_path):
    images = read_ijb_images(*lists(tmp_path))
    assert images.names.tolist() == [b"1.jpg", b"2.jpg", b"3.jpg"]
    assert images.template_ids[images.template].tolist() == [7, 3, 7]
    assert images.media.tolist() == [4, 5, 4]
    assert images.landmarks_px[1].tolist() == [[30, 30], [70, 30], [50, 50], [35, 70], [65, 70]]
    assert images.detector_scores.tolist() == [0.9] * 3


@pytest.mark.parametrize(
    ("tid_mid", "points", "said"),
    [
        (
            "1.jpg 7 4\n2.jpg 3\n",
            None,
            r"mid.txt, line 2: expected an image, a template and a medium, got '2.jpg 3'",
        ),
        ("1.jpg 7 4\n2.jpg 3 x\n", None, r"tid_mid.txt, line 2: expected"),
        ("1.jpg 7 99999999999999999999\n", None, r"tid_mid.txt, line 1: expected"),
        ("", None, r"tid_mid.txt is empty"),
        (
            "1.jpg 7 4\n4.jpg 3 5\n",
            None,
            r"line 2, describes '4.jpg' and x_name_5pts_score.txt there '2.jpg'",
        ),
        ("1.jpg 7 4\n2.jpg 3 5\n", None, r"lists 2 images and x_name_5pts_score.txt 3; is one cut off"),
        ("1.jpg 7 4\n", "1.jpg 1 2 3\n", r"score.txt, line 1: expected an image, ten coordinates"),
        ("1.jpg 7 4\n", f"1.jpg {POINTS.replace('0.9', 'nan')}\n", r"score.txt, line 1: five points"),
        ("1.jpg 7 4\n", "1.jpg 5 5 5 5 5 5 5 5 5 5 1\n", r"score.txt, line 1: five points that are not all the same"),
    ],
)
def test_lists_that_are_wrong_are_named(tmp_path, tid_mid, points, said):
    with pytest.raises(UserError, match=said):
        read_ijb_images(*lists(tmp_path, tid_mid, points))


def test_an_image_that_is_not_there_is_named(tmp_path):
    tid_mid, points = lists(tmp_path)
    images = read_ijb_images(tid_mid, points)
    with pytest.raises(UserError, match=r"There is no folder .*loose_crop"):
        IjbFaces(tmp_path / "loose_crop", images, tid_mid)
    (tmp_path / "loose_crop").mkdir()
    for name in ("1.jpg", "3.jpg"):
        (tmp_path / "loose_crop" / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"line 2: there is no image .*2.jpg; 1 of 3 listed images are missing"):
        IjbFaces(tmp_path / "loose_crop", images, tid_mid)
    (tmp_path / "loose_crop" / "2.jpg").write_bytes(b"")
    with pytest.raises(UnreadableImage, match="it is empty"):
        IjbFaces(tmp_path / "loose_crop", images, tid_mid).image(1)


def test_faces_are_laid_onto_the_template(tmp_path):
    """A picture turned and shrunk by a known similarity comes back; outside it, black."""
    chance = np.random.default_rng(0)
    crop = cv2.GaussianBlur(chance.integers(0, 256, (112, 112, 3)).astype(np.uint8), (0, 0), 5)
    turn = cv2.getRotationMatrix2D((56, 56), 20, 1.5)
    turn[:, 2] += 60
    loose = cv2.warpAffine(crop, turn, (300, 300))
    (tmp_path / "loose_crop").mkdir()
    cv2.imwrite(str(tmp_path / "loose_crop" / "1.png"), loose[:, :, ::-1])
    points = ARCFACE_TEMPLATE_PX @ turn[:, :2].T + turn[:, 2]
    line = " ".join(map(str, points.ravel()))
    tid_mid, scores = lists(tmp_path, "1.png 7 4\n", f"1.png {line} 0.5\n")
    faces = IjbFaces(tmp_path / "loose_crop", read_ijb_images(tid_mid, scores), tid_mid)
    aligned = faces.image(0)
    assert aligned.shape == (112, 112, 3)
    assert np.abs(aligned.astype(int) - crop)[8:-8, 8:-8].mean() < 1
    np.testing.assert_allclose(faces.landmarks_px(0), ARCFACE_TEMPLATE_PX, atol=1e-3)
    assert faces.name(0) == "1.png"
    assert faces.labels.tolist() == [-1]
