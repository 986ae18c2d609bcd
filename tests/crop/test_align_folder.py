"""A folder of photographs to a folder of crops: what is written, and that it does not matter how it came about."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import lamps
import numpy as np
import pytest
from jaxtyping import UInt8

from facedistill.crop import (
    AbstractLocator,
    DetectedFaces,
    Face,
    GivenLandmarks,
    Output,
    Several,
    Summary,
    YuNet,
    align_face,
    align_folder,
    crop_points,
)
from facedistill.crop.output import Format
from facedistill.data.codec import read_image
from facedistill.data.folder import FolderFaces
from facedistill.data.landmarks import COLUMNS, read_landmarks
from facedistill.errors import UserError

PNG = Output(format=Format.PNG)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six with a face, two with two, one with none, one that is cut off, and a letter."""
    root = tmp_path / "photographs"
    for number in range(6):
        lamps.write_photograph(root / f"p{number % 3}" / f"{number}.png", (1 + number, 1 + number % 3))
    for number in (6, 7):
        lamps.write_photograph(root / "pairs" / "deep" / f"{number}.png", (1, 1), (6, 4), light=250)
    lamps.write_photograph(root / "p9" / "dark.png")
    whole = lamps.write_photograph(root / "p0" / "cut.png", (3, 3)).read_bytes()
    (root / "p0" / "cut.png").write_bytes(whole[:-20])
    (root / "p0" / "letter.txt").write_text("Dear reader")
    (root / "loose.jpg").write_text("I am no picture")
    return root


@pytest.fixture
def locator(detector: Path) -> DetectedFaces:
    return DetectedFaces(YuNet(detector))


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def tree(root: Path) -> dict[str, bytes]:
    """Everything that a user is to see below a folder."""
    files = (file for file in root.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


class Counting(AbstractLocator):
    """Asks another; knows what it was asked, and can stop as if somebody pressed Ctrl-C or the disk were full."""

    def __init__(self, other: AbstractLocator, *, stop_after: int = 10**9, stop: BaseException | None = None) -> None:
        self._other, self._stop_after, self._stop = other, stop_after, stop or KeyboardInterrupt()
        self.asked: list[str] = []

    def locate(self, name: str, photograph: UInt8[np.ndarray, "H W 3"]) -> Face:
        if len(self.asked) >= self._stop_after:
            raise self._stop
        self.asked.append(name)
        return self._other.locate(name, photograph)

    def settings(self) -> dict[str, Any]:
        return self._other.settings()


def test_crops_and_lists(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    out = tmp_path / "crops"
    told: list[tuple[int, int]] = []
    summary = align_folder(photographs, out, locator, output=PNG, progress=lambda *now: told.append(now))
    assert summary == Summary(photographs=11, aligned=8, no_face=1, several_faces=0, unreadable=2, aligned_now=8)
    assert told == [(done, 11) for done in range(12)]
    found = rows(out / "landmarks.csv")
    assert list(found[0]) == ["path", "score", *COLUMNS[1:]]
    paths = ["p0/0.png", "p0/3.png", "p1/1.png", "p1/4.png", "p2/2.png", "p2/5.png"]
    assert [row["path"] for row in found] == [*paths, "pairs/deep/6.png", "pairs/deep/7.png"]
    assert [row["score"] for row in found] == ["1.0"] * 6 + ["0.9804"] * 2
    assert rows(out / "not_found.csv") == [
        {"path": "loose.jpg", "reason": "it is not a JPEG, PNG, WebP or BMP image"},
        {"path": "p0/cut.png", "reason": "it is truncated"},
        {"path": "p9/dark.png", "reason": "no face was found"},
    ]
    points = lamps.points_of(5, 2)
    assert np.array_equal(read_image(out / "p1/4.png"), align_face(lamps.photograph((5, 2)), points))
    np.testing.assert_allclose(read_landmarks(out / "landmarks.csv")["p1/4.png"], crop_points(points), atol=2e-3)
    shown = {name for name in tree(out) if not name.endswith(".csv")}
    assert shown == {"align.json", *(row["path"] for row in found)}


def test_the_crops_are_a_set_of_faces(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    align_folder(photographs, tmp_path / "crops", locator)
    faces = FolderFaces(tmp_path / "crops")
    assert faces.identities == ("p0", "p1", "p2", "pairs"), "nobody without a crop has a folder"
    assert all(faces.landmarks_px(index) is not None for index in range(8))
    assert {faces.image(index).shape for index in range(8)} == {(112, 112, 3)}


def test_sizes_and_formats(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    weights: list[int] = []
    for size_px, quality in ((64, 95), (128, 20), (128, 95)):
        out = tmp_path / f"crops{size_px}_{quality}"
        align_folder(photographs, out, locator, output=Output(size_px=size_px, quality=quality))
        seen = read_image(out / "p2/5.jpg")
        exact = align_face(lamps.photograph((6, 3)), lamps.points_of(6, 3), size_px)
        assert seen.shape == (size_px, size_px, 3)
        assert np.abs(seen.astype(int) - exact).mean() < 3
        weights.append((out / "p2/5.jpg").stat().st_size)
        best = crop_points(lamps.points_of(6, 3), size_px)
        np.testing.assert_allclose(read_landmarks(out / "landmarks.csv")["p2/5.jpg"], best, atol=2e-3)
    assert weights == sorted(weights)
    for wrong in ({"size_px": 8}, {"quality": 0}, {"quality": 101}):
        with pytest.raises(UserError):
            Output(**wrong)


def test_crops_keep_their_colours(tmp_path: Path) -> None:
    crop = np.zeros((112, 112, 3), np.uint8) + np.array([200, 100, 20], np.uint8)
    for format in Format:
        Output(format=format).write(crop, tmp_path / f"x.{format.value}")
        np.testing.assert_allclose(read_image(tmp_path / f"x.{format.value}").astype(int), crop, atol=3)


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_the_number_of_workers_changes_nothing(
    photographs: Path, locator: DetectedFaces, tmp_path: Path, workers: int
) -> None:
    align_folder(photographs, tmp_path / "one", locator, workers=1)
    align_folder(photographs, tmp_path / "many", locator, workers=workers)
    assert tree(tmp_path / "one") == tree(tmp_path / "many")


def test_opencv_has_its_threads_back(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        align_folder(photographs, tmp_path / "crops", locator)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_several_faces_follow_the_rule(photographs: Path, detector: Path, tmp_path: Path) -> None:
    def run(several: Several) -> tuple[Summary, Path]:
        out = tmp_path / several.value
        return align_folder(photographs, out, DetectedFaces(YuNet(detector), several=several), output=PNG), out

    summary, out = run(Several.ERROR)
    assert (summary.aligned, summary.several_faces) == (6, 2)
    assert rows(out / "not_found.csv")[-1] == {"path": "pairs/deep/7.png", "reason": "it shows 2 faces"}
    summary, out = run(Several.CENTRAL)
    assert (summary.aligned, summary.several_faces) == (8, 0)
    pair = lamps.photograph((1, 1), (6, 4), light=250)
    nearer = lamps.points_of(1, 1)  # 128, 96 is the middle
    assert np.array_equal(read_image(out / "pairs/deep/6.png"), align_face(pair, nearer))


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=["ctrl-c", "full"])
def test_a_stopped_run_goes_on_where_it_was(
    photographs: Path, locator: DetectedFaces, tmp_path: Path, workers: int, stop: BaseException
) -> None:
    align_folder(photographs, tmp_path / "whole", locator)
    out = tmp_path / "crops"
    first, second = Counting(locator, stop_after=4, stop=stop), Counting(locator)
    with pytest.raises(type(stop)):
        align_folder(photographs, out, first, workers=workers)
    assert not (out / "landmarks.csv").exists()
    early = {file: file.stat().st_mtime_ns for file in out.rglob("*.jpg")}
    summary = align_folder(photographs, out, second, workers=workers)
    assert (len(first.asked), len(second.asked)) == (4, 5)
    assert not {*first.asked} & {*second.asked}, "nothing is done twice"
    assert {file: file.stat().st_mtime_ns for file in early} == early
    assert (summary.aligned, summary.aligned_now) == (8, 8 - len(early))
    assert tree(out) == tree(tmp_path / "whole")


def test_an_interrupt_between_two_photographs_waits_for_no_others(
    photographs: Path, locator: DetectedFaces, tmp_path: Path
) -> None:
    asked = Counting(locator)

    def progress(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    for number in range(60):
        lamps.write_photograph(photographs / "more" / f"{number}.png", (1, 1))
    with pytest.raises(KeyboardInterrupt):
        align_folder(photographs, tmp_path / "crops", asked, workers=1, progress=progress)
    assert len(asked.asked) < 60


def test_what_was_half_written_does_not_count(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    out = tmp_path / "crops"
    align_folder(photographs, out, locator)
    whole = tree(out)
    journal = (out / ".journal.jsonl").read_bytes()
    lines = journal.splitlines(keepends=True)
    (last,) = [line for line in lines if b"p2/5.png" in line]
    (out / ".journal.jsonl").write_bytes(journal.replace(last, b"") + last[:-7])
    (out / "p1" / "4.jpg").unlink()
    (out / "p1" / ".4.jpg.partial").write_bytes(b"half")
    (out / "landmarks.csv").unlink()
    again = Counting(locator)
    align_folder(photographs, out, again)
    assert sorted(again.asked) == ["p1/4.png", "p2/5.png"]
    assert tree(out) == whole
    assert not list(out.rglob("*.partial"))
    assert {*(out / ".journal.jsonl").read_bytes().splitlines()} == {*journal.splitlines()}


def test_a_full_disk_leaves_no_part_of_a_crop(
    photographs: Path, locator: DetectedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == ".5.jpg.partial":
            real(path, data[:100])
            raise OSError(28, "No space left on device", str(path))
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        align_folder(photographs, tmp_path / "crops", locator)
    assert not list((tmp_path / "crops" / "p2").glob("*5*"))
    assert not list((tmp_path / "crops" / "p2").glob(".*5*"))


def test_mended_and_new_photographs_are_taken_up(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    out = tmp_path / "crops"
    align_folder(photographs, out, locator)
    lamps.write_photograph(photographs / "p0" / "cut.png", (3, 3))
    lamps.write_photograph(photographs / "p4" / "new.png", (3, 3))
    again = Counting(locator)
    summary = align_folder(photographs, out, again)
    assert sorted(again.asked) == ["p0/cut.png", "p4/new.png"], "what had no face is not searched again"
    assert (summary.aligned, summary.aligned_now, summary.no_face, summary.unreadable) == (10, 2, 1, 1)
    assert {"p0/cut.jpg", "p4/new.jpg"} < {row["path"] for row in rows(out / "landmarks.csv")}


def test_given_landmarks_need_no_detector(photographs: Path, tmp_path: Path) -> None:
    given = tmp_path / "points.csv"
    points = {"p0/0.png": lamps.points_of(1, 1), "p1/4.png": lamps.points_of(5, 2), "p2/2.png": np.full((5, 2), 3.0)}
    with given.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *([path, *map(float, p.ravel())] for path, p in points.items())])
    summary = align_folder(photographs, tmp_path / "crops", GivenLandmarks(given), output=PNG)
    assert (summary.aligned, summary.no_face, summary.unreadable) == (2, 7, 2)
    for path, (column, row) in (("p0/0.png", (1, 1)), ("p1/4.png", (5, 2))):
        exact = align_face(lamps.photograph((column, row)), read_landmarks(given)[path])
        assert np.array_equal(read_image(tmp_path / "crops" / path), exact)
    assert [row["score"] for row in rows(tmp_path / "crops" / "landmarks.csv")] == ["", ""]
    reasons = {row["path"]: row["reason"] for row in rows(tmp_path / "crops" / "not_found.csv")}
    assert reasons["p2/2.png"] == "its five points lie on one spot or are no numbers"
    assert reasons["p2/5.png"] == "points.csv has no row for it"
    with pytest.raises(UserError, match="There is no file"):
        GivenLandmarks(tmp_path / "none.csv")


def test_names_that_are_no_utf8_survive(locator: DetectedFaces, tmp_path: Path) -> None:
    root = tmp_path / "photographs"
    strange = b"caf\xe9, 'x'\n.png".decode(errors="surrogateescape")
    lamps.write_photograph(root / "plain.png", (2, 2)).rename(root / strange)
    for _ in range(2):
        align_folder(root, tmp_path / "crops", locator)
    faces = FolderFaces(tmp_path / "crops", labelled=False)
    assert faces.image(0).shape == (112, 112, 3)
    assert faces.landmarks_px(0) is not None


def test_a_destination_of_something_else_is_left_alone(
    photographs: Path, locator: DetectedFaces, detector: Path, tmp_path: Path
) -> None:
    def refused(
        source: Path, destination: Path, sentence: str, locator: AbstractLocator = locator, **kind: Any
    ) -> None:
        before = tree(destination) if destination.is_dir() else destination
        with pytest.raises(UserError, match=sentence):
            align_folder(source, destination, locator, output=Output(**kind))
        assert (tree(destination) if destination.is_dir() else destination) == before

    out, other = tmp_path / "crops", tmp_path / "other"
    align_folder(photographs, out, locator)
    refused(photographs, out, "crops of another run, with size_px 112 instead of 128", size_px=128)
    refused(photographs, out, "with format jpg instead of png", format=Format.PNG)
    strict = DetectedFaces(YuNet(detector, min_score=0.9))
    refused(photographs, out, r"with min_score 0\.6 instead of 0\.9", locator=strict)
    shutil.copytree(photographs, other)
    refused(other, out, "with source .*photographs instead of .*other")
    refused(photographs, other, "holds something that no alignment wrote")
    refused(photographs, photographs, "lies in")
    refused(photographs, photographs / "crops", "lies in")
    refused(photographs, photographs / "p0" / "letter.txt", "lies in")
    (tmp_path / "file").touch()
    refused(photographs, tmp_path / "file", "is a file")
    (out / "align.json").write_text("[1, 2")
    refused(photographs, out, r"align\.json is damaged")
    (tmp_path / "empty").mkdir()
    assert align_folder(photographs, tmp_path / "empty", locator).aligned == 8


def test_a_source_without_photographs_is_said(locator: DetectedFaces, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "twins").mkdir()
    for suffix in ("png", "jpg"):
        lamps.write_photograph(tmp_path / "twins" / f"a.{suffix}", (1, 1))
    for source, sentence in (
        ("none", "There is no folder .*none; give one that holds photographs"),
        ("empty", "empty holds no images"),
        ("twins", r"both a\.jpg and a\.png would become a\.jpg; rename one"),
    ):
        with pytest.raises(UserError, match=sentence):
            align_folder(tmp_path / source, tmp_path / "crops", locator)
        assert not (tmp_path / "crops").exists()


def test_a_monster_is_refused_before_it_is_decoded(locator: DetectedFaces, tmp_path: Path) -> None:
    file = lamps.write_photograph(tmp_path / "photographs" / "huge.bmp", (1, 1))
    data = file.read_bytes()
    file.write_bytes(data[:18] + (65000).to_bytes(4, "little") * 2 + data[26:])
    summary = align_folder(tmp_path / "photographs", tmp_path / "crops", locator)
    assert summary.unreadable == 1
    (row,) = rows(tmp_path / "crops" / "not_found.csv")
    assert row["reason"] == "its 65000 x 65000 pixels are more than 40 million"


def test_the_settings_are_written_down(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    align_folder(photographs, tmp_path / "crops", locator)
    known = json.loads((tmp_path / "crops" / "align.json").read_text())
    assert known.pop("source") == str(photographs)
    assert len(known.pop("detector_sha256")) == 64
    assert known == {
        "size_px": 112, "format": "jpg", "quality": 95, "several": "largest",
        "min_score": 0.6, "min_face_px": 10, "longest_px": 640,
    }  # fmt: skip


def test_lists_of_pairs_come_along(photographs: Path, locator: DetectedFaces, tmp_path: Path) -> None:
    (photographs / "pairs.csv").write_bytes(b"first,second,same\np0/0.png,p0/3.png,1\n")
    align_folder(photographs, tmp_path / "crops", locator)
    assert (tmp_path / "crops" / "pairs.csv").read_bytes() == (photographs / "pairs.csv").read_bytes()
    assert not (tmp_path / "crops" / "pairs.txt").exists()
