"""A Core ML file, as far as systems without Core ML can look at it: what its operations say, it must say."""

import copy
import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mil import opened, run
from torch import Tensor, nn

from facedistill.backbones.contract import AbstractBackbone
from facedistill.data.contract import AbstractFaces
from facedistill.errors import UserError
from facedistill.export.contract import AbstractTarget, Graphs, target
from facedistill.export.export import Wanted, export
from facedistill.export.gate import GATES, agreement

pytest.importorskip("coremltools")


@pytest.fixture(scope="module")
def coreml() -> AbstractTarget:
    return target("coreml")


@pytest.fixture(scope="module")
def files(coreml: AbstractTarget, graphs: Graphs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("coreml")
    files = {precision: folder / f"student.{precision}.mlpackage" for precision in coreml.precisions}
    for precision, file in files.items():
        coreml.write(graphs, precision, file)
    return files


def wanted_of(student: AbstractBackbone, pixels: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return student(torch.from_numpy(pixels).permute(0, 3, 1, 2)).embedding.numpy()


class Meant:
    """In the place of Core ML: takes what it takes, and answers by the operations of the file."""

    def __init__(self, file: str) -> None:
        _, self._function = opened(Path(file))

    def predict(self, given: dict[str, Any]) -> dict[str, np.ndarray]:
        ((name, picture),) = given.items()
        assert (name, picture.mode) == ("planes", "RGB")
        planes = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
        return {"embedding": run(self._function, planes).numpy()}


@pytest.fixture
def on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("coremltools.models.MLModel", _either(Meant))


def _either(stand_in: type) -> Any:
    """The stand-in looks at a file by what it stands for."""
    from coremltools.models import MLModel

    return lambda file, **options: MLModel(file, **options) if options else stand_in(file)


@pytest.mark.usefixtures("on_a_mac")
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_what_the_operations_mean_is_the_student(
    precision: str, files: dict[str, Path], coreml: AbstractTarget, graphs: Graphs, student: AbstractBackbone
) -> None:
    given = coreml.open(files[precision])(graphs.calibration)
    assert (given.shape, given.dtype) == ((64, 8), np.float32)
    assert GATES[precision].passes(agreement(wanted_of(student, graphs.calibration), given))
    np.testing.assert_allclose(np.linalg.norm(given, axis=1), 1, atol=1e-5)


@pytest.mark.usefixtures("on_a_mac")
def test_blue_first_is_the_files_own_business(
    coreml: AbstractTarget, graphs: Graphs, student: AbstractBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(student.preprocess, "order", "bgr")
    coreml.write(graphs, "fp32", tmp_path / "s.mlpackage")
    given = coreml.open(tmp_path / "s.mlpackage")(graphs.calibration[:4])
    assert agreement(wanted_of(student, graphs.calibration[:4]), given).min_cosine > 0.99999


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_it_takes_a_picture_and_answers_in_float32(precision: str, files: dict[str, Path]) -> None:
    spec, _ = opened(files[precision])
    (taken,), (said,) = spec.description.input, spec.description.output
    picture, answer = taken.type.imageType, said.type.multiArrayType
    assert (taken.name, picture.width, picture.height) == ("planes", 16, 16)
    assert picture.colorSpace == picture.RGB
    assert (said.name, list(answer.shape), answer.dataType) == ("embedding", [1, 8], answer.FLOAT32)


def test_batch_norm_is_in_the_convolution(files: dict[str, Path], student: AbstractBackbone) -> None:
    _, function = opened(files["fp32"])
    kinds = [operation.op_type for operation in function.operations]
    assert "batch_norm" not in kinds
    conv, norm = student.body[0], student.body[1]
    scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    written = next(operation for operation in function.operations if operation.op_type == "conv")
    np.testing.assert_allclose(written.weight.val, conv.weight.detach() * scale[:, None, None, None], rtol=1e-5)
    bias = (norm.bias - norm.running_mean * scale).detach()
    np.testing.assert_allclose(written.bias.val, bias, rtol=1e-5, atol=1e-6)


def test_half_precision_stops_before_both_ends(files: dict[str, Path]) -> None:
    from coremltools.converters.mil.mil.types import builtin_to_string

    _, function = opened(files["fp16"])
    made = [(operation.op_type, builtin_to_string(operation.outputs[0].dtype)) for operation in function.operations]
    assert [kind for kind in made if kind[0] != "const"] == [
        ("sub", "fp32"),
        ("mul", "fp32"),
        ("cast", "fp16"),
        ("conv", "fp16"),
        ("prelu", "fp16"),
        ("reshape", "fp16"),
        ("linear", "fp16"),
        ("cast", "fp32"),
        ("mul", "fp32"),
        ("reduce_sum", "fp32"),
        ("add", "fp32"),
        ("rsqrt", "fp32"),
        ("mul", "fp32"),
    ]


def test_a_file_tells_nothing_of_where_it_was_made(files: dict[str, Path]) -> None:
    parts = [part for file in files.values() for part in file.rglob("*") if part.is_file()]
    assert len(parts) == 6
    assert not any(str(Path.cwd()).encode() in part.read_bytes() for part in parts)


class Strange(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.i0e(x)


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")
def test_an_operator_it_does_not_take_is_said(
    coreml: AbstractTarget, graphs: Graphs, student: AbstractBackbone, tmp_path: Path
) -> None:
    other = copy.deepcopy(student)
    other.out = Strange()
    with pytest.raises(UserError, match=r"^Core ML does not take this student: .*i0e"):
        coreml.write(Graphs(other, graphs.calibration), "fp32", tmp_path / "s.mlpackage")
    gc.collect()  # a folder that coremltools forgets when it fails
    assert not list(tmp_path.iterdir())


def test_what_is_no_file_of_its_own_is_said(
    coreml: AbstractTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(UserError, match=r"Core ML cannot open .*none\.mlpackage"):
        coreml.open(tmp_path / "none.mlpackage")


def test_elsewhere_it_says_where_it_runs(coreml: AbstractTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(UserError, match="x cannot be run here: Core ML runs on macOS only"):
        coreml.open(Path("x"))


def test_it_is_quiet(coreml: AbstractTarget, graphs: Graphs, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    coreml.write(graphs, "fp32", tmp_path / "s.mlpackage")
    assert capfd.readouterr() == ("", "")


def test_off_a_mac_a_package_says_what_is_left_to_do(
    student: AbstractBackbone, faces: AbstractFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    wanted = Wanted(targets=["coreml"], precisions=["fp16", "fp32"], faces=faces, crops=60)
    exports = export(student, {"name": "tiny"}, tmp_path / "p", wanted)["exports"]
    assert list(exports) == ["student.fp16.unproven.mlpackage", "student.fp32.unproven.mlpackage"]
    for entry in exports.values():
        assert (entry["accepted"], "export the student again on a Mac" in entry["unproven"]) == (False, True)
    check = (tmp_path / "p" / "vectors" / "CheckCoreML.swift").read_text()
    assert "@" not in check
    assert "let side = 16, width = 8" in check
    assert "0.999 is enough for student.fp16.unproven.mlpackage" in check
