"""What is written for the Hub, and what is sent to it: nothing, unless asked."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from said import Call

from facedistill.backbones.load import load_backbone
from facedistill.errors import UserError
from facedistill.export.package import Package, open_package, write_manifest
from facedistill.files import file_digest
from facedistill.hub.handed import facts_of, open_handed
from facedistill.hub.layout import write_layout
from facedistill.hub.upload import _library, check_upload, upload
from facedistill.report.findings import Findings
from facedistill.report.run import FinishedRun


@pytest.fixture(scope="module")
def written(findings: Findings, package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "layout"
    write_layout(facts_of(findings, package), folder, "mit")
    return folder


def test_the_folder_is_whole_and_every_file_is_known(written: Path) -> None:
    top = {"README.md", "model.safetensors", "config.json", "export", "manifest.json"}
    assert {entry.name for entry in written.iterdir()} == top
    stated = json.loads((written / "manifest.json").read_text())["files"]
    found = {file.relative_to(written).as_posix() for file in written.rglob("*") if file.is_file()}
    assert found - set(stated) == {"manifest.json"}
    assert all(file_digest(written / name) == entry["sha256"] for name, entry in stated.items())


def test_what_was_handed_on_works(written: Path, run: FinishedRun) -> None:
    assert load_backbone(written / "model.safetensors").spec == load_backbone(run.weights).spec
    assert set(open_package(written / "export").files) == {"student.fp32.onnx", "student.int8.onnx"}
    config = json.loads((written / "config.json").read_text())
    assert config["backbone"] == run.recipe.model
    assert (config["embedding"], config["size_px"]) == (12, 16)


def test_no_path_of_this_machine_is_handed_on(written: Path, place: Path) -> None:
    texts = [file for file in written.rglob("*") if file.suffix in (".json", ".md")]
    assert [file for file in texts if str(place) in file.read_text()] == []


def test_nothing_is_written_over(written: Path, findings: Findings) -> None:
    with pytest.raises(UserError, match="exists and is never overwritten"):
        write_layout(facts_of(findings, None), written)


def test_a_package_alone_is_handed_on_too(call: Call, package: Package, strangers: Path, tmp_path: Path) -> None:
    said = call("push", package.folder, "--to", tmp_path / "hub", "--data", strangers)
    assert said.code == 0, said.err
    assert {entry.name for entry in (tmp_path / "hub").iterdir()} == {
        "README.md", "config.json", "export", "manifest.json",
    }  # fmt: skip
    assert "load_backbone" not in (tmp_path / "hub" / "README.md").read_text()


def test_what_cannot_be_handed_on_is_one_sentence(
    call: Call, package: Package, other: Path, place: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="exported from other weights"):
        open_handed(other, package.folder)
    assert "holds no finished run" in call("push", place / "teacher", "--to", tmp_path / "hub").error
    name = next(iter(package.manifest["exports"]))
    exports = {**package.manifest["exports"], name: {**package.manifest["exports"][name], "accepted": False}}
    missed = tmp_path / "missed"
    (missed / "vectors").mkdir(parents=True)
    for file in package.manifest["files"]:
        (missed / file).parent.mkdir(parents=True, exist_ok=True)
        (missed / file).write_bytes((package.folder / file).read_bytes())
    write_manifest(missed, {**package.manifest, "exports": exports})
    assert f"{name} missed its gate" in call("push", missed, "--to", tmp_path / "hub").error
    assert not (tmp_path / "hub").exists()


def test_the_library_is_asked_for_before_any_work(
    call: Call, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    said = call("push", place / "taught", "--to", tmp_path / "hub", "--upload", "me/student")
    assert said.error == "Error: huggingface_hub is not installed; run: pip install 'facedistill[hub]'"
    assert not (tmp_path / "hub").exists()
    assert "owner/name" in call("push", place / "taught", "--to", tmp_path / "hub", "--upload", "student").error


class Hub:
    """In place of huggingface_hub: notes what is sent, and may refuse."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.sent: list[tuple] = []
        self.refusal = refusal
        self.errors = SimpleNamespace(HfHubHTTPError=ConnectionError, LocalTokenNotFoundError=PermissionError)

    def HfApi(self) -> "Hub":
        return self

    def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> None:
        self.sent.append(("create", repository, private, exist_ok))

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> str:
        if self.refusal:
            raise self.refusal
        self.sent.append(("upload", repo_id, folder_path))
        return f"https://hub/{repo_id}"


def stand_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", hub.errors)


def test_what_is_uploaded_is_private_where_it_is_new(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    stand_in(hub, monkeypatch)
    check_upload("me/student")
    assert hub.sent == [], "asking whether it can be done does nothing"
    assert upload(written, "me/student") == "https://hub/me/student"
    assert hub.sent == [("create", "me/student", True, True), ("upload", "me/student", written)]


def test_a_refusal_is_one_sentence_and_the_folder_stays(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(Hub(PermissionError("no token")), monkeypatch)
    with pytest.raises(UserError, match="is written, and the Hub did not take it: no token"):
        upload(written, "me/student")
    assert (written / "README.md").is_file()


def test_the_real_library_has_what_is_asked_of_it() -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")
    hub = _library()
    assert issubclass(hub.errors.HfHubHTTPError, Exception)
    assert issubclass(hub.errors.LocalTokenNotFoundError, Exception)
    assert callable(hub.HfApi().upload_folder)
