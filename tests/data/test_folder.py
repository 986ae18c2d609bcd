"""Folders of faces, good and bad, and what is made of them: subsets, splits, mixtures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facedistill.data.contract import UnreadableImage
from facedistill.data.folder import FolderFaces
from facedistill.data.landmarks import COLUMNS, read_landmarks
from facedistill.data.mixed import Mixed
from facedistill.data.resized import Resized, same_size
from facedistill.data.split import split_identities
from facedistill.data.subset import Subset
from facedistill.errors import UserError

POINTS = np.arange(10, dtype=np.float32).reshape(5, 2) * 2


def paint(path: Path, level: int, size_px: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size_px, size_px, 3), level, np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six people with one to three pictures; the red, green and blue level is the picture's number."""
    folder = tmp_path / "faces"
    for number, name in enumerate(["b/2.png", "b/1.PNG", "a/1.png", "c/1.png", "c/3.bmp", "c/2.png", "d/1.png"]):
        paint(folder / name, number)
    for number, name in enumerate(["Zoë/1.png", "e/deep/1.png"]):
        paint(folder / name, 100 + number)
    (folder / ".cache").mkdir()
    (folder / "c" / "notes.txt").write_text("not a picture")
    return folder


def test_order_is_that_of_the_names(root: Path):
    faces = FolderFaces(root)
    assert faces.identities == ("Zoë", "a", "b", "c", "d", "e")
    names = [faces.name(index) for index in range(len(faces))]
    assert names == [
        *("Zoë/1.png", "a/1.png", "b/1.PNG", "b/2.png", "c/1.png", "c/2.png", "c/3.bmp", "d/1.png", "e/deep/1.png")
    ]
    assert faces.labels.tolist() == [0, 1, 2, 2, 3, 3, 3, 4, 5]
    assert faces.labels.dtype == np.int64
    assert [int(faces.image(index)[0, 0, 0]) for index in range(len(faces))] == [100, 2, 1, 0, 3, 5, 4, 6, 101]


def test_unlabelled_takes_every_image_flat_or_deep(root: Path):
    paint(root / "loose.png", 50)
    faces = FolderFaces(root, labelled=False)
    assert len(faces) == 10
    assert faces.identities == ()
    assert set(faces.labels.tolist()) == {-1}
    assert int(faces.image([faces.name(i) for i in range(10)].index("loose.png"))[0, 0, 0]) == 50


def test_landmarks_belong_to_their_path(root: Path):
    row = ",".join(str(value) for value in POINTS.ravel())
    header = ",".join(["detector_score", *COLUMNS])
    (root / "landmarks.csv").write_text(f"{header}\n0.9,c/2.png,{row}\n0.9,gone.png,{row}\n")
    faces = FolderFaces(root)
    assert np.array_equal(faces.landmarks_px(5), POINTS)
    assert faces.landmarks_px(4) is None
    assert FolderFaces(root, labelled=False).landmarks_px(5) is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("path,nose_x\nb/1.PNG,3\n", "lacks the columns left_eye_x, left_eye_y, mouth_left_x"),
        (",".join(COLUMNS) + "\nb/1.PNG,1,2,three,4,5,6,7,8,9,10\n", "line 2: ten numbers"),
        (",".join(COLUMNS) + "\nb/1.PNG,1,2\n", "line 2: ten numbers"),
        (",".join(COLUMNS) + "\nb/1.PNG,,2,3,4,5,6,7,8,9,10,11,12\n", "line 2: ten numbers"),
        (",".join(COLUMNS) + "\nb/1.PNG,1,2,nan,4,5,6,7,8,9,10\n", "line 2: ten numbers"),
        ("", "lacks the columns"),
    ],
)
def test_damaged_landmarks_are_refused(root: Path, text: str, reason: str):
    (root / "landmarks.csv").write_text(text)
    with pytest.raises(UserError, match=reason):
        FolderFaces(root)


def test_missing_and_empty_folders_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"no folder .*nowhere"):
        FolderFaces(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no folder per identity"):
        FolderFaces(tmp_path)
    with pytest.raises(UserError, match="holds no images"):
        FolderFaces(tmp_path, labelled=False)
    paint(tmp_path / "1.png", 0)
    with pytest.raises(UserError, match=r"<identity>/<image>.*unlabelled"):
        FolderFaces(tmp_path)


def test_identities_without_images_are_counted_and_named(root: Path):
    (root / "f").mkdir()
    (root / "g").mkdir()
    (root / "g" / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="2 identities have no images: f, g;"):
        FolderFaces(root)


def test_split_is_disjoint_complete_and_dense(root: Path):
    faces = FolderFaces(root)
    train, validation = split_identities(faces, 2, seed=3)
    assert set(train.identities) | set(validation.identities) == set(faces.identities)
    assert len(validation.identities) == 2
    assert not set(train.identities) & set(validation.identities)
    for part in (train, validation):
        assert np.unique(part.labels).tolist() == list(range(len(part.identities)))
        for index in range(len(part)):
            assert part.name(index).split("/")[0] == part.identities[part.labels[index]]
    assert len(train) + len(validation) == len(faces)


def test_split_depends_on_seed_and_names_not_on_the_images(root: Path):
    chosen = [split_identities(FolderFaces(root), 2, seed)[1].identities for seed in range(20)]
    assert len(set(chosen)) > 5
    paint(root / "Zoë" / "2.png", 7)
    assert [split_identities(FolderFaces(root), 2, seed)[1].identities for seed in range(20)] == chosen
    backwards = FolderFaces(root)
    backwards.labels, backwards.identities = 5 - backwards.labels, backwards.identities[::-1]
    assert [set(split_identities(backwards, 2, seed)[1].identities) for seed in range(20)] == [set(c) for c in chosen]


def test_split_leaves_unlabelled_faces_in_training(root: Path):
    faces = Mixed(FolderFaces(root), [FolderFaces(root / "c", labelled=False)])
    train, validation = split_identities(faces, 3, seed=0)
    assert (train.labels == -1).sum() == 3
    assert validation.labels.min() == 0


@pytest.mark.parametrize("held_out", [0, 6, 7])
def test_split_needs_identities_on_both_sides(root: Path, held_out: int):
    with pytest.raises(UserError, match=f"Cannot hold out {held_out} of 6"):
        split_identities(FolderFaces(root), held_out, seed=0)


def test_mixed_puts_unlabelled_faces_behind_labelled_ones(root: Path):
    labelled, others = FolderFaces(root), [FolderFaces(root / name) for name in ("e",)]
    flat = FolderFaces(root / "b", labelled=False)
    faces = Mixed(labelled, [*others, flat])
    assert faces.identities == labelled.identities
    assert faces.labels.tolist() == [*labelled.labels.tolist(), -1, -1, -1]
    assert [faces.name(index) for index in (8, 9, 10, 11)] == ["e/deep/1.png", "deep/1.png", "1.PNG", "2.png"]
    assert [int(faces.image(index)[0, 0, 0]) for index in (0, 8, 9, 10, 11)] == [100, 101, 101, 1, 0]


def test_landmarks_follow_their_crop_through_subset_mixture_and_size(root: Path):
    row = ",".join(str(value) for value in POINTS.ravel())
    (root / "landmarks.csv").write_text(f"{','.join(COLUMNS)}\nc/2.png,{row}\n")
    faces = Mixed(Subset(FolderFaces(root), np.array([5, 0])), [FolderFaces(root, labelled=False)])
    assert np.array_equal(faces.landmarks_px(0), POINTS)
    assert faces.landmarks_px(1) is None
    assert np.array_equal(faces.landmarks_px(7), POINTS)
    # Twice the size: the edge of the crop, at -0.5, stays where it is.
    np.testing.assert_allclose(Resized(faces, 32).landmarks_px(0), 2 * POINTS + 0.5)


def test_files_are_given_as_they_are_through_subset_and_mixture(root: Path):
    faces = Mixed(Subset(FolderFaces(root), np.array([5, 0])), [FolderFaces(root, labelled=False)])
    for index in (0, 1, 5):
        assert faces.encoded(index) == (root / faces.name(index)).read_bytes()
    (root / "c" / "2.png").unlink()
    with pytest.raises(UnreadableImage, match=r"c/2\.png: No such file"):
        faces.encoded(0)
    assert Resized(faces, 32).encoded(0) is None


def test_resized_faces_have_one_size(root: Path):
    paint(root / "a" / "9.png", 9, size_px=64)
    faces = same_size(FolderFaces(root))
    assert {faces.image(index).shape for index in range(len(faces))} == {(16, 16, 3)}
    assert int(faces.image(2)[0, 0, 0]) == 9
    assert same_size(FolderFaces(root), 24).image(2).shape == (24, 24, 3)


@pytest.mark.real
def test_real_crops_have_their_landmarks_where_eyes_are(shared: Path):
    faces = FolderFaces(shared / "faces" / "celeba269")
    assert (len(faces), len(faces.identities)) == (5959, 269)
    points = faces.landmarks_px(100)
    assert faces.image(100).shape == (112, 112, 3)
    np.testing.assert_allclose(points[0], [38.3, 51.7], atol=8)  # left eye of the ArcFace template


def test_an_image_has_one_row(tmp_path: Path) -> None:
    row = "b/1.PNG," + ",".join(map(str, range(10))) + "\n"
    (tmp_path / "landmarks.csv").write_text(",".join(COLUMNS) + "\n" + row + row)
    with pytest.raises(UserError, match=r"line 3: b/1\.PNG has a row already"):
        read_landmarks(tmp_path / "landmarks.csv")
