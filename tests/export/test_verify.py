"""A threshold with its interval, two pictures judged by it, and what is said instead of a guess."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from said import Call

from facedistill.data.folder import FolderFaces
from facedistill.errors import UserError
from facedistill.export.histogram import histogram
from facedistill.export.package import open_package, write_manifest
from facedistill.export.threshold import Threshold, calibrate


@pytest.fixture(scope="module")
def calibrated(package: Path, faces: FolderFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of its own with a threshold for FMR 1 %."""
    folder = tmp_path_factory.mktemp("calibrated") / "package"
    shutil.copytree(package, folder)
    opened = open_package(folder)
    runner = opened.open("student.fp32.onnx")
    found = calibrate(runner, faces, opened.size_px, 1e-2, replicates=50)
    opened.calibrated({"student.fp32.onnx": found})
    return folder


def test_the_threshold_lets_so_many_strangers_pass(calibrated: Path, faces: FolderFaces) -> None:
    opened = open_package(calibrated)
    stored = Threshold(**opened.thresholds["student.fp32.onnx"])
    rows = opened.open("student.fp32.onnx")(np.stack([faces.image(i) for i in range(len(faces))])).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [(rows[i] @ rows[j], faces.labels[i] == faces.labels[j]) for i in range(120) for j in range(i)]
    strangers = [score for score, same in pairs if not same]
    share = np.mean([score > stored.threshold + 1e-12 for score in strangers])
    assert 0.009 < share <= 0.01
    assert stored.fmr_reached == pytest.approx(share)
    assert stored.low <= stored.threshold <= stored.high
    assert stored.low < stored.high
    assert (stored.identities, stored.crops, stored.impostor_pairs) == (20, 120, len(strangers))
    assert stored.tar == pytest.approx(np.mean([score > stored.threshold + 1e-12 for score, same in pairs if same]))
    counted = opened.histograms["student.fp32.onnx"]
    for kind, wanted in (("genuine", True), ("impostor", False)):
        of_kind = [score for score, same in pairs if same == wanted]
        assert sum(counted[kind]) == len(of_kind)
        for step in range(100):
            inside = sum(-1 + step / 50 <= score < -1 + (step + 1) / 50 for score in of_kind)
            assert abs(counted[kind][step] - inside) <= 1, "a score at an edge may fall on either side"


def test_histograms_hold_pairs_across_blocks() -> None:
    rows = np.random.default_rng(0).normal(size=(1200, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.arange(1200) % 7
    counted = histogram(rows, labels)
    first, second = np.triu_indices(1200, 1)
    scores, same = (rows[first] * rows[second]).sum(1), labels[first] == labels[second]
    for counts, kind in ((counted.genuine, same), (counted.impostor, ~same)):
        expected, _ = np.histogram(scores[kind], bins=100, range=(-1, 1))
        assert sum(counts) == kind.sum()
        assert np.abs(np.subtract(counts, expected)).max() <= 2
    assert histogram(np.eye(2)[[0, 0]], np.zeros(2, np.int64)).genuine[-1] == 1


def test_packages_without_histograms_open(calibrated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "earlier"
    shutil.copytree(calibrated, folder)
    manifest = dict(open_package(folder).manifest)
    del manifest["histograms"]
    write_manifest(folder, manifest)
    assert open_package(folder).histograms == {}


def test_within_the_interval_nobody_is_sure() -> None:
    found = Threshold(1e-3, 0.5, 0.45, 0.55, 1e-3, 0.9, 10, 100, 1000)
    assert [found.judge(cosine) for cosine in (0.44, 0.45, 0.5, 0.55, 0.56)] == [
        "no match", "not sure", "not sure", "not sure", "match",
    ]  # fmt: skip


def test_too_few_strangers_support_no_threshold(package: Path, faces: FolderFaces) -> None:
    runner = open_package(package).open("student.fp32.onnx")
    with pytest.raises(UserError, match=r"6,840 pairs of strangers support no false-match rate below 0.004; give more"):
        calibrate(runner, faces, 16, 1e-3)
    with pytest.raises(UserError, match="needs to know who is who"):
        calibrate(runner, FolderFaces(faces.root, labelled=False), 16, 1e-2)


def test_the_verb_stores_a_threshold_for_every_file(
    call: Call, package: Path, faces: FolderFaces, tmp_path: Path
) -> None:
    shutil.copytree(package, tmp_path / "p")
    answer = call("calibrate", tmp_path / "p", "--faces", faces.root, "--fmr", 0.01, "--replicates", 10, "--json")
    assert sorted(json.loads(answer.out)) == ["student.fp16.onnx", "student.fp32.onnx", "student.int8.onnx"]
    assert open_package(tmp_path / "p").thresholds == json.loads(answer.out)


def test_two_crops_are_judged(call: Call, calibrated: Path, faces: FolderFaces) -> None:
    same = faces.root / faces.name(0)
    answer = json.loads(call("verify", calibrated, same, same, "--json").out)
    assert answer["answer"] == "match"
    assert answer["similarity"] == pytest.approx(1, abs=1e-5)
    assert answer["fmr"] == 0.01
    told = call("verify", calibrated, same, faces.root / faces.name(7))
    assert (told.code, "above which 0.01 of strangers come." in told.out) == (0, True)


def test_what_cannot_be_judged_is_said(call: Call, calibrated: Path, package: Path, tmp_path: Path) -> None:
    crop = tmp_path / "crop.png"
    cv2.imwrite(str(crop), np.zeros((16, 16, 3), np.uint8))
    wide, text, huge = tmp_path / "wide.png", tmp_path / "notes.txt", tmp_path / "huge.jpg"
    cv2.imwrite(str(wide), np.zeros((16, 24, 3), np.uint8))
    text.write_text("a face")
    with huge.open("wb") as file:
        file.truncate((10 << 20) + 1)
    bomb = tmp_path / "bomb.bmp"
    bomb.write_bytes(b"BM" + bytes(12) + (40).to_bytes(4, "little") + (65000).to_bytes(4, "little") * 2 + bytes(28))
    for file, sentence in {
        wide: "is 24 x 16 pixels, and an aligned crop is square; give --detector",
        text: "it is not a JPEG, PNG, WebP or BMP image; give a JPEG",
        huge: "has more than 10 MiB",
        bomb: "pixels are more than 40 million",
        tmp_path / "nobody.jpg": "No such file",
    }.items():
        answer = call("verify", calibrated, crop, file)
        assert (answer.code, answer.err.count("\n")) == (2, 1), answer
        assert sentence in answer.err
    assert "has no threshold for student.fp32.onnx yet" in call("verify", package, crop, crop).err
    assert (
        "has no file 'int4'; it has student.fp32.onnx" in call("verify", calibrated, crop, crop, "--file", "int4").err
    )


@pytest.mark.real
def test_photographs_without_one_face_are_said(call: Call, calibrated: Path, shared: Path, tmp_path: Path) -> None:
    detector = shared / "models" / "yunet_n_640_640.onnx"
    if not detector.is_file():
        pytest.skip(f"no detector {detector}")
    empty = tmp_path / "empty.png"
    cv2.imwrite(str(empty), np.zeros((200, 200, 3), np.uint8))
    answer = call("verify", calibrated, empty, empty, "--detector", detector)
    assert answer.err == f"Error: {empty}: no face was found; give a picture of one person.\n"
