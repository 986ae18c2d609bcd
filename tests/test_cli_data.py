"""``facedistill data`` as a person meets it."""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny
import yaml

from facedistill import cli
from facedistill.config import dump_recipe
from facedistill.data.folder import FolderFaces
from facedistill.data.recordio.writer import write_records

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command line in this process: exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["facedistill", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    monkeypatch.setenv("COLUMNS", "200")
    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same faces as a folder and as records."""
    tiny.write_faces(tmp_path / "faces")
    write_records(FolderFaces(tmp_path / "faces"), tmp_path / "records")
    return tmp_path


@pytest.mark.parametrize("kind", ["faces", "records", "records/train.rec"])
def test_inspect_counts_every_kind_alike(call: Call, folder: Path, kind: str) -> None:
    before = sorted(folder.rglob("*"))
    code, out, _ = call("data", "inspect", folder / kind, "--json")
    assert code == 0
    assert json.loads(out) == {
        "images": 24,
        "identities": 6,
        "unlabelled": 0,
        "images_per_identity": [
            {"images": [0, 0], "identities": 0},
            {"images": [1, 1], "identities": 0},
            {"images": [2, 3], "identities": 0},
            {"images": [4, 7], "identities": 6},
        ],
        "looked_at": 24,
        "unreadable": 0,
        "sizes": [{"width": 16, "height": 16, "images": 24}],
    }
    code, out, _ = call("data", "inspect", folder / kind)
    assert "16 x 16" in out
    assert sorted(folder.rglob("*")) == before, "no picture is written that nobody asked for"


def test_inspect_draws_what_it_is_asked_to(call: Call, folder: Path) -> None:
    sheet, bars = folder / "sheet.png", folder / "bars.png"
    assert call("data", "inspect", folder / "records", "--sheet", sheet, "--histogram", bars)[0] == 0
    assert cv2.imread(str(sheet)).shape == (6 * 114 - 2, 8 * 114 - 2, 3)
    assert cv2.imread(str(bars)) is not None
    code, _, err = call("data", "inspect", folder / "records", "--sheet", sheet)
    assert (code, "sheet.png exists and is never overwritten" in err) == (2, True)


def test_inspect_takes_images_without_identities(call: Call, folder: Path) -> None:
    _, out, _ = call("data", "inspect", folder / "faces" / "p3", "--json")
    assert {**json.loads(out), "sizes": []} == {
        "images": 4, "identities": 0, "unlabelled": 4, "images_per_identity": [], "looked_at": 4, "unreadable": 0,
        "sizes": [],
    }  # fmt: skip


def test_verify_lists_what_is_bad_and_says_so_by_its_exit_code(call: Call, folder: Path) -> None:
    code, out, err = call("data", "verify", folder / "records")
    assert (code, "0 of 24 images are bad" in out) == (0, True)
    assert "images/s ETA" in err
    (folder / "faces" / "p1" / "p1_0002.png").write_bytes(b"letter")
    code, out, err = call("data", "verify", folder / "faces")
    assert code == 1
    assert out.splitlines()[0] == "p1/p1_0002.png: it is not a JPEG, PNG, WebP or BMP image"
    assert "1 of 24 images are bad" in out
    assert "Traceback" not in err
    code, out, _ = call("data", "verify", folder / "faces", "--out", folder / "bad.csv", "--json")
    bad = [{"name": "p1/p1_0002.png", "reason": "it is not a JPEG, PNG, WebP or BMP image"}]
    assert (code, json.loads(out)) == (1, {"images": 24, "bad": bad})
    with (folder / "bad.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == bad
    code, _, err = call("data", "verify", folder / "faces", "--out", folder / "bad.csv")
    assert (code, "bad.csv exists and is never overwritten" in err) == (2, True)


@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_a_damaged_set_is_one_sentence(call: Call, folder: Path, verb: str) -> None:
    file = folder / "records" / "train.rec"
    file.write_bytes(file.read_bytes()[:-40])
    code, out, err = call("data", verb, folder / "records")
    assert (code, out, "Traceback" in err) == (2, "", False)
    assert len([line for line in err.splitlines() if line.startswith("Error: ")]) == 1


def test_a_recipe_trains_from_records_as_from_the_folder(call: Call, folder: Path) -> None:
    results = []
    for root in (folder / "faces", folder / "records" / "train.rec"):
        recipe = tiny.recipe(root, folder / f"run_{root.suffix}", training={"epochs": 2})
        (folder / "recipe.yaml").write_text(dump_recipe(recipe))
        assert call("train", folder / "recipe.yaml", "--json")[0] == 0
        results.append((recipe.out / "model.safetensors").read_bytes())
        assert yaml.safe_load((recipe.out / "config.yaml").read_text())["data"]["root"] == str(root)
    assert results[0] == results[1]


def test_embed_takes_records(call: Call, folder: Path) -> None:
    teacher = tiny.write_teacher(folder / "teacher", {"tiny.net": {"embedding": 12}})
    vectors = []
    for name in ("faces", "records"):
        assert call("embed", teacher, folder / name, folder / f"of_{name}")[0] == 0
        vectors.append(np.load(folder / f"of_{name}" / "embeddings.npy"))
    assert np.array_equal(*vectors)
