"""A file that nothing here can run is not called the student, neither by its name nor by anybody."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from said import Call
from tiny import write_faces

from facedistill.backbones.contract import AbstractBackbone
from facedistill.data.contract import AbstractFaces
from facedistill.errors import UserError
from facedistill.export import export as work
from facedistill.export import jobs
from facedistill.export.contract import AbstractTarget, Graphs, Runner, target
from facedistill.export.dress import RGB
from facedistill.export.package import open_package
from facedistill.hub.handed import open_handed


class Elsewhere(AbstractTarget):
    """Writes a folder; what it runs is the student itself, where it runs."""

    endings = (".elsewhere",)
    precisions = ("fp32",)
    inputs = (RGB,)
    from_onnx = False
    unproven = ""
    sign = 1.0

    def __init__(self, student: AbstractBackbone) -> None:
        self.student = student

    def check_installed(self) -> None:
        pass

    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        (file / "inner").mkdir(parents=True)
        (file / "inner" / "weights").write_bytes(b"0123456789")

    def open(self, file: Path, *, threads: int = 1) -> Runner:
        def embed(crops: np.ndarray) -> np.ndarray:
            assert not self.unproven
            with torch.no_grad():
                embedding = self.student(torch.from_numpy(crops).permute(0, 3, 1, 2)).embedding.numpy()
            return embedding * np.linspace(1, self.sign, embedding.shape[1], dtype=np.float32)

        return embed


WHY = "Elsewhere runs on Mars only; go there"


@pytest.fixture
def elsewhere(student: AbstractBackbone, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Found by its name, as if its file lay among the targets."""
    made = Elsewhere(student)
    made.unproven = WHY
    monkeypatch.setattr(jobs, "target", lambda name: made if name == "elsewhere" else target(name))
    return made


def written(student: AbstractBackbone, faces: AbstractFaces, folder: Path) -> dict[str, Any]:
    source = {"name": "tiny", "sha256": ""}
    return work.export(student, source, folder, work.Wanted(targets=["elsewhere"], faces=faces, crops=60))


@pytest.mark.usefixtures("elsewhere")
def test_a_file_that_was_not_run_is_marked(student: AbstractBackbone, faces: AbstractFaces, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    manifest = written(student, faces, folder)
    ((name, entry),) = manifest["exports"].items()
    assert name == "student.fp32.unproven.elsewhere"
    assert (entry["accepted"], entry["unproven"], entry["bytes"]) == (False, WHY, 10)
    assert not {"parity", "p50_ms", "missed"} & set(entry)
    with pytest.raises(work.Unproven, match=f"p/{name} is not proven: {WHY}"):
        work.check_accepted(manifest, folder)
    package = open_package(folder)
    assert (package.files, package.unproven) == ({}, {name: WHY})
    with pytest.raises(UserError, match="none that passed"):
        package.choose(None)
    with pytest.raises(UserError, match=f"is not proven and not handed on: {WHY}"):
        open_handed(folder)
    assert (folder / manifest["vectors"] / "embeddings.f32").is_file()


def test_where_it_runs_a_folder_is_proven_like_a_file(
    elsewhere: Elsewhere, student: AbstractBackbone, faces: AbstractFaces, tmp_path: Path
) -> None:
    elsewhere.unproven = ""
    manifest = written(student, faces, tmp_path / "p")
    work.check_accepted(manifest, tmp_path / "p")
    assert manifest["exports"]["student.fp32.elsewhere"]["parity"]["min_cosine"] > 0.99999
    assert open_package(tmp_path / "p").choose(None) == "student.fp32.elsewhere"
    weights = tmp_path / "p" / "student.fp32.elsewhere" / "inner" / "weights"
    weights.write_bytes(b"9876543210")
    with pytest.raises(UserError, match=r"weights is not the file that was proven"):
        open_package(tmp_path / "p")
    inner = weights.parent.rename(tmp_path / "elsewhere")
    (inner / "weights").write_bytes(b"0123456789")
    weights.parent.symlink_to(inner)
    with pytest.raises(UserError, match="lies outside of the package"):
        open_package(tmp_path / "p")


def test_what_is_no_student_is_said_before_what_is_not_proven(
    elsewhere: Elsewhere, student: AbstractBackbone, faces: AbstractFaces, tmp_path: Path
) -> None:
    unproven = written(student, faces, tmp_path / "a")["exports"]
    elsewhere.unproven, elsewhere.sign = "", -1.0
    rejected = written(student, faces, tmp_path / "b")["exports"]
    assert [file.name for file in (tmp_path / "b").glob("student*")] == ["student.fp32.elsewhere.rejected"]
    with pytest.raises(work.Rejected):
        work.check_accepted({"exports": unproven | rejected}, tmp_path)


@pytest.mark.usefixtures("elsewhere")
def test_the_command_says_so_too(call: Call, run: Path, tmp_path: Path) -> None:
    words = ("--to", "elsewhere", "--faces", write_faces(tmp_path / "faces", identities=100, images=10))
    answer = call("export", run, *words, "--out", tmp_path / "a", "--json")
    assert answer.code == 3
    assert json.loads(answer.out)["student.fp32.unproven.elsewhere"]["unproven"] == WHY
    assert f"student.fp32.unproven.elsewhere is not proven: {WHY}." in answer.err
    answer = call("export", run, *words, "--out", tmp_path / "b")
    assert (answer.code, "student.fp32.unproven.elsewhere" in answer.out) == (3, True)
