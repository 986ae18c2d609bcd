"""Every runtime answers for bytes as the student does, or says in a sentence why not."""

import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from said import Call
from torch import nn

from facedistill.backbones.contract import AbstractBackbone
from facedistill.data.contract import AbstractFaces
from facedistill.errors import UserError
from facedistill.export.contract import AbstractTarget, Graphs, target, target_of
from facedistill.export.gate import GATES, Gate, agreement
from facedistill.export.jobs import Job, planned
from facedistill.export.parity import see
from facedistill.export.prove import proven
from facedistill.export.targets import litert
from facedistill.export.trace import Core

PACKAGES = {"openvino": "openvino", "ncnn": "ncnn", "executorch": "executorch", "litert": "litert_torch"}
"""What to look for, by target."""


def installed(name: str) -> AbstractTarget:
    pytest.importorskip(PACKAGES[name])
    return target(name)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("openvino", "fp32"),
        ("openvino", "fp16"),
        ("openvino", "int8"),
        ("ncnn", "fp32"),
        ("ncnn", "fp16"),
        ("executorch", "fp32"),
        ("executorch", "int8"),
        ("litert", "fp32"),
        ("litert", "fp16"),
        ("litert", "int8"),
    ],
)
def test_a_file_answers_for_raw_bytes_as_the_student_does(
    name: str, precision: str, graphs: Graphs, student: AbstractBackbone, tmp_path: Path
) -> None:
    chosen = installed(name)
    file = tmp_path / f"student.{precision}{chosen.endings[0]}"
    chosen.write(graphs, precision, file)
    assert sorted(tmp_path.iterdir()) == sorted(chosen.parts(file))
    assert not any(str(Path.cwd()).encode() in part.read_bytes() for part in chosen.parts(file))
    pixels = np.concatenate([graphs.calibration, graphs.calibration[:6]])
    with torch.no_grad():
        wanted = student(torch.from_numpy(pixels).permute(0, 3, 1, 2)).embedding.numpy()
    before = pixels.copy()
    given = chosen.open(file)(pixels)
    # On a net this small OpenVINO's integers are further off than onnxruntime's; docs/export.md has a real one.
    least = {"fp32": GATES["fp32"], "fp16": GATES["fp16"], "int8": Gate(mean_cosine=0.99)}
    assert least[precision].passes(agreement(wanted, given))
    np.testing.assert_allclose(np.linalg.norm(given, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_allclose(chosen.open(file)(pixels[:1]), given[:1], atol=1e-5)


@pytest.mark.parametrize("name", ["openvino", "ncnn", "litert"])
def test_blue_first_is_the_files_own_business(
    name: str, graphs: Graphs, student: AbstractBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = installed(name)
    file = tmp_path / f"student.fp32{chosen.endings[0]}"
    monkeypatch.setattr(student.preprocess, "order", "bgr")
    pixels = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with torch.no_grad():
        wanted = student(torch.from_numpy(pixels).permute(0, 3, 1, 2)).embedding.numpy()
    chosen.write(graphs, "fp32", file)
    assert agreement(wanted, chosen.open(file)(pixels)).min_cosine > 0.99999


@pytest.mark.parametrize("name", ["openvino", "ncnn", "litert"])
def test_a_damaged_file_is_said(name: str, tmp_path: Path) -> None:
    chosen = installed(name)
    file = tmp_path / f"student.fp32{chosen.endings[0]}"
    for part in chosen.parts(file):
        part.write_bytes(b"7767517\n1 1\nNothing nothing 0 0\n")
    with pytest.raises(UserError, match=r"cannot open .*student\.fp32"):
        chosen.open(file)


@pytest.mark.parametrize(
    ("name", "module", "line"),
    [
        ("openvino", "openvino", r"OpenVINO needs openvino; install it with: pip install 'facedistill\[openvino\]'"),
        ("ncnn", "pnnx", r"ncnn needs pnnx; install it with: pip install 'facedistill\[ncnn\]'"),
        ("executorch", "executorch", r"ExecuTorch needs executorch; install it with: pip install 'facedistill\[exec"),
        ("litert", "litert_torch", r"LiteRT needs litert_torch; install it with: pip install 'facedistill\[litert\]'"),
        ("coreml", "coremltools", r"Core ML needs coremltools; install it with: pip install 'facedistill\[coreml\]'"),
    ],
)
def test_a_missing_runtime_is_named_with_its_line(
    name: str, module: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ncnn", sys)  # whether or not it is here
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=line):
        target(name)


@pytest.mark.parametrize(("lift", "left"), [(0, 0), (1, 1)])
def test_litert_gets_the_same_function_in_a_form_that_slopes_up_to_1_allow(
    lift: int, left: int, student: AbstractBackbone
) -> None:
    core = Core(deepcopy(student)).eval()
    (prelu,) = [module for module in core.modules() if isinstance(module, nn.PReLU)]
    with torch.no_grad():
        prelu.weight.add_(lift)
        rewritten = litert._rewritten(core)
        pixels = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(rewritten(pixels), core(pixels), rtol=0, atol=1e-5)
    assert sum(isinstance(module, nn.PReLU) for module in rewritten.modules()) == left


def test_a_runtime_that_changes_a_graph_is_blamed_for_it(
    graphs: Graphs, student: AbstractBackbone, faces: AbstractFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = installed("openvino")
    turned = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    monkeypatch.setattr(type(chosen), "open", lambda self, file: lambda crops: turned[: len(crops)])
    ((name, entry),) = proven(graphs, see(student, faces, 60), Job("openvino", chosen, "fp32"), tmp_path).items()
    assert name == "student.fp32.openvino.xml.rejected"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["student.fp32.openvino.bin.rejected", name]
    assert entry["diverges_first_at"].startswith(
        "no layer of its graph, which passes in onnxruntime, but in what openv"
    )


def test_a_file_is_known_by_its_ending() -> None:
    for name in ("openvino", "ncnn"):
        ending = installed(name).endings[0]
        assert target_of(f"student.fp32{ending}")[0] == name


def test_what_a_runtime_does_not_have_is_left_out_aloud() -> None:
    installed("ncnn")
    jobs = planned(["onnx", "ncnn"], ["fp32", "int8"], in_graph=True)
    assert [(job.name, job.precision) for job in jobs.wanted] == [("onnx", "fp32"), ("onnx", "int8"), ("ncnn", "fp32")]
    assert jobs.left_out == ["ncnn takes no int8"]
    with pytest.raises(UserError, match="ncnn takes no int8; choose another --precision"):
        planned(["ncnn"], ["int8"], in_graph=True)


def test_files_that_prepare_pixels_themselves_cannot_leave_it_to_the_app(call: Call, run: Path) -> None:
    installed("ncnn")
    answer = call("export", run, "--to", "ncnn", "--preprocess", "json")
    assert answer.err == "Error: Files for ncnn prepare their pixels themselves; leave out --preprocess json.\n"
    assert not (run / "export").exists()
