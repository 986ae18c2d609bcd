"""What the page is told of a package, a teacher and a detector, and what is refused before anything is served."""

import shutil
from pathlib import Path

import lamps
import pytest
from said import Call

from facedistill.errors import UserError
from facedistill.export.package import Package
from facedistill.serve.describe import describe


def test_the_page_knows_every_file(package: Package) -> None:
    shown = describe(package)
    fp32, int8 = shown.description["models"]
    assert (fp32["name"], int8["name"]) == ("student.fp32.onnx", "student.int8.onnx")
    for model in (fp32, int8):
        assert shown.files[model["url"]] == (package.folder / model["name"]).read_bytes()
        assert model["threshold"] == package.thresholds[model["name"]]
        assert sum(model["histogram"]["genuine"]) == 14 * 3
        assert model["input"] == {
            "name": "rgb",
            "bytes": True,
            "channelsLast": True,
            "sizePx": 16,
            "mean": [0],
            "std": [1],
            "order": "rgb",
        }
    assert shown.description["detector"] is None
    vectors = shown.description["vectors"]
    assert len(shown.files[vectors["inputs"]]) == 8 * 16 * 16 * 3
    assert len(shown.files[vectors["embeddings"]]) == 8 * vectors["width"] * 4
    assert str(package.folder) not in str(shown.description), "addresses say nothing of this machine"


def test_a_teacher_comes_last_and_has_no_threshold(package: Package, tmp_path: Path) -> None:
    teacher = shutil.copy(package.folder / "student.fp32.onnx", tmp_path / "large.onnx")
    *_, last = describe(package, teacher=Path(teacher)).description["models"]
    assert (last["name"], last["url"], "threshold" in last) == ("teacher: large.onnx", "/models/teacher.onnx", False)


def test_a_detector_says_what_it_takes(package: Package, tmp_path: Path) -> None:
    shown = describe(package, detector=lamps.write_detector(tmp_path / "lamps.onnx"))
    assert shown.description["detector"] == {
        "url": "/models/detector.onnx",
        "sidePx": 64,
        "leastScore": 0.6,
        "leastFacePx": 10,
        "overlap": 0.3,
    }


def test_what_cannot_be_shown_is_said(package: Package, tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("a network")
    with pytest.raises(UserError, match=r"There is no ONNX file .*nobody.onnx"):
        describe(package, teacher=tmp_path / "nobody.onnx")
    with pytest.raises(UserError, match=r"text.onnx cannot be run as one whole ONNX file"):
        describe(package, teacher=text)
    with pytest.raises(UserError, match=r"text.onnx is not a YuNet that OpenCV can read"):
        describe(package, detector=text)
    exports = {name: {**entry, "accepted": False} for name, entry in package.manifest["exports"].items()}
    with pytest.raises(UserError, match=r"has no ONNX file that passed its gate; export one"):
        describe(Package(package.folder, {**package.manifest, "exports": exports}))


def test_the_verb_says_what_is_missing(call: Call, package: Package, tmp_path: Path) -> None:
    answer = call("serve", package.folder, "--runtime", tmp_path)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "fetch them once with --fetch-runtime, or name a folder" in answer.err
