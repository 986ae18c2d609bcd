"""``facedistill align`` as a person meets it."""

import csv
import json
from pathlib import Path

import lamps
import numpy as np
import pytest
from said import Call

from facedistill.crop import YuNet, folder
from facedistill.crop.weights import PINNED, detector_file
from facedistill.data.landmarks import COLUMNS
from facedistill.download import Pinned
from facedistill.errors import UserError


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    root = tmp_path / "photographs"
    lamps.write_photograph(root / "a" / "1.png", (2, 2))
    lamps.write_photograph(root / "a" / "2.png", (1, 1), (5, 3))
    lamps.write_photograph(root / "b" / "dark.png")
    (root / "b" / "bad.png").write_bytes(b"")
    return root


def test_it_says_what_became_of_the_photographs(call: Call, photographs: Path, detector: Path, tmp_path: Path) -> None:
    out = tmp_path / "crops"
    said = call("align", photographs, out, "--detector", detector)
    expected = f"4 photographs: 2 crops in {out}, 1 without a face, 1 unreadable (see not_found.csv); "
    assert (said.code, said.out.startswith(expected)) == (0, True)
    assert said.out.endswith(" crops/s.\n")
    assert "align 4/4" in said.err
    assert "images/s ETA 0 s" in said.err
    again = call("align", photographs, out, "--detector", detector)
    assert (again.code, again.out) == (0, f"{expected}nothing was left to do.\n")


def test_json_is_one_object(call: Call, photographs: Path, detector: Path, tmp_path: Path) -> None:
    said = call("align", photographs, tmp_path / "crops", "--detector", detector, "--json", "--format", "png")
    assert json.loads(said.out) == {
        "photographs": 4, "aligned": 2, "no_face": 1, "several_faces": 0, "unreadable": 1, "aligned_now": 2,
    }  # fmt: skip
    assert (tmp_path / "crops" / "a" / "1.png").is_file()


def test_options_reach_the_work(call: Call, photographs: Path, detector: Path, tmp_path: Path) -> None:
    options = [
        "--several", "central", "--min-score", "0.7", "--min-face-px", "20", "--longest-px", "512",
        "--size-px", "128", "--quality", "90", "--workers", "2",
    ]  # fmt: skip
    assert call("align", photographs, tmp_path / "crops", "--detector", detector, *options).code == 0
    known = json.loads((tmp_path / "crops" / "align.json").read_text())
    assert [known[name] for name in ("several", "min_score", "min_face_px", "longest_px", "size_px", "quality")] == [
        "central", 0.7, 20, 512, 128, 90,
    ]  # fmt: skip


def test_exit_code_1_where_a_rule_was_broken_or_nothing_found(
    call: Call, photographs: Path, detector: Path, tmp_path: Path
) -> None:
    said = call("align", photographs, tmp_path / "strict", "--detector", detector, "--several", "error")
    assert (said.code, "1 with several faces" in said.out) == (1, True)
    none = call("align", photographs, tmp_path / "none", "--detector", detector, "--min-face-px", "900")
    assert (none.code, "0 crops" in none.out) == (1, True)


def test_given_landmarks(call: Call, photographs: Path, tmp_path: Path) -> None:
    given = tmp_path / "points.csv"
    with given.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, ["a/1.png", *lamps.points_of(2, 2).ravel().tolist()]])
    said = call("align", photographs, tmp_path / "crops", "--landmarks", given)
    assert (said.code, "1 crops" in said.out, "2 without a face" in said.out) == (0, True, True)


def test_ctrl_c_keeps_what_is_done(
    call: Call, photographs: Path, detector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(path: Path) -> np.ndarray:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(folder, "read_image", pressed)
        said = call("align", photographs, tmp_path / "crops", "--detector", detector)
    assert (said.code, "the same command goes on" in said.err) == (130, True)
    assert "Traceback" not in said.err
    assert call("align", photographs, tmp_path / "crops", "--detector", detector).code == 0


def test_bad_input_is_one_sentence_and_writes_nothing(
    call: Call, photographs: Path, detector: Path, tmp_path: Path
) -> None:
    bad = [
        ((), "Give either --detector, a YuNet, or --landmarks"),
        (("--detector", detector, "--landmarks", detector), "Give either --detector, a YuNet, or --landmarks"),
        (("--detector", tmp_path / "none"), "There is no detector"),
        (("--detector", photographs / "a" / "1.png"), "is not a YuNet that OpenCV can read"),
        (("--landmarks", tmp_path / "none"), "There is no file"),
        (("--detector", detector, "--several", "larges"), "Unknown choice 'larges'; did you mean 'largest'?"),
        (("--detector", detector, "--format", "jpeg"), "Unknown format 'jpeg'; did you mean 'jpg'?"),
    ]
    for options, sentence in bad:
        said = call("align", photographs, tmp_path / "crops", *options)
        assert (said.code, sentence in said.error) == (2, True), said.err
    said = call("align", tmp_path / "none", tmp_path / "crops", "--detector", detector)
    assert (said.code, "There is no folder" in said.error) == (2, True)
    assert not (tmp_path / "crops").exists()


def test_a_detector_by_name_comes_from_the_cache(
    call: Call, photographs: Path, detector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("FACEDISTILL_CACHE", str(cache))
    command = ["align", photographs, tmp_path / "crops", "--detector", "yunet", "--offline"]
    said = call(*command)
    assert (said.code, "--offline forbids" in said.error) == (2, True)
    assert not cache.exists()
    yunet = YuNet(detector)
    monkeypatch.setitem(PINNED, "yunet", Pinned("https://x.invalid/lamps.onnx", detector.stat().st_size, yunet.sha256))
    cache.mkdir()
    (cache / "lamps.onnx").write_bytes(detector.read_bytes())
    assert call(*command).code == 0
    (cache / "lamps.onnx").write_bytes(b"another")
    with pytest.raises(UserError, match="is not the pinned file"):
        detector_file("yunet")


def test_a_path_is_a_path(tmp_path: Path) -> None:
    assert detector_file("./yunet") == Path("yunet")
    assert detector_file(str(tmp_path / "x.onnx"), offline=True) == tmp_path / "x.onnx"


@pytest.mark.parametrize("file", PINNED.values(), ids=PINNED)
def test_pins_are_whole(file: Pinned) -> None:
    assert file.url.startswith("https://")
    assert file.name.endswith(".onnx")
    assert len(bytes.fromhex(file.sha256)) == 32
    assert file.size_bytes > 100_000
