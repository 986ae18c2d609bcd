"""A package: every file is the student, takes bytes, says so itself, and fails loudly where it is not."""

import copy
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from said import Call
from tiny import write_faces

from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.data.contract import AbstractFaces
from facedistill.errors import UserError
from facedistill.evaluate.embeddings.embed import embed
from facedistill.export import export as work
from facedistill.export.contract import Graphs, target
from facedistill.export.dress import dressed
from facedistill.export.gate import GATES, Agreement, Gate, agreement
from facedistill.export.package import open_package, write_manifest
from facedistill.export.parity import compare, see
from facedistill.export.session import run as run_graph
from facedistill.teachers.live import open_network


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def said(student: AbstractBackbone, pixels: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return student(torch.from_numpy(pixels).permute(0, 3, 1, 2)).embedding.numpy()


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.99999), ("fp16", 0.999), ("int8", 0.97)])
def test_a_file_answers_for_raw_bytes_as_the_student_does(
    precision: str, least: float, package: Path, student: AbstractBackbone
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    given = open_package(package).open(f"student.{precision}.onnx")(pixels)
    assert cosines(given, said(student, pixels)).min() >= least
    np.testing.assert_allclose(np.linalg.norm(given, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        open_package(package).open(f"student.{precision}.onnx")(pixels[:1]), given[:1], atol=1e-3
    )


def test_a_file_evaluates_without_a_further_word(
    package: Path, student: AbstractBackbone, faces: AbstractFaces
) -> None:
    network = open_network(package / "student.fp32.onnx")
    assert (network.preprocess.size_px, network.preprocess.mean.item(), network.preprocess.std.item()) == (16, 0, 1)
    seen, wanted = (embed(each, faces, flip=False).unit for each in (network, student))
    assert (seen * wanted).sum(1).min() > 0.99999


def test_the_figures_are_those_of_plain_loops(package: Path, student: AbstractBackbone, faces: AbstractFaces) -> None:
    pixels = np.stack([faces.image(index) for index in range(len(faces))])
    near = cosines(open_package(package).open("student.int8.onnx")(pixels), said(student, pixels))
    parity = json.loads((package / "manifest.json").read_text())["exports"]["student.int8.onnx"]["parity"]
    assert parity["crops"] == len(near) == 120
    assert parity["min_cosine"] == pytest.approx(near.min(), abs=1e-6)
    assert parity["mean_cosine"] == pytest.approx(near.mean(), abs=1e-6)
    assert parity["p1_cosine"] == pytest.approx(np.percentile(near, 1), abs=1e-6)


def test_changes_of_tar_and_accuracy_are_those_of_plain_loops(student: AbstractBackbone, faces: AbstractFaces) -> None:
    crops = see(student, faces, 60)
    given = crops.wanted + np.random.default_rng(0).normal(0, 2, crops.wanted.shape).astype(np.float32)
    found = compare(crops, lambda pixels: given)

    def tar(rows: np.ndarray, far: float) -> float:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        pairs = [(unit[i] @ unit[j], crops.labels[i] == crops.labels[j]) for i in range(60) for j in range(i)]
        impostors = sorted((score for score, same in pairs if not same), reverse=True)
        threshold = impostors[int(far * len(impostors))]
        genuine = [score for score, same in pairs if same]
        return sum(score > threshold for score in genuine) / len(genuine)

    for far in (1e-2, 1e-3):
        expected = tar(given.astype(float), far) - tar(crops.wanted.astype(float), far)
        assert found.tar_change[f"{far:g}"] == pytest.approx(expected, abs=1e-9)
    assert found.worst_tar_change == min(found.tar_change.values()) < 0
    assert found.pair_error_max > found.pair_error_mean > 0
    assert found.accuracy_change is not None


def test_batch_norm_is_folded_and_prelu_gone(package: Path) -> None:
    kinds = {node.op_type for node in onnx.load(package / "student.fp32.onnx").graph.node}
    assert not kinds & {"BatchNormalization", "PRelu"}
    assert {"QuantizeLinear", "DequantizeLinear"} <= {
        node.op_type for node in onnx.load(package / "student.int8.onnx").graph.node
    }


def test_nothing_tells_where_it_was_made(package: Path) -> None:
    for file in package.glob("*.onnx"):
        assert b".py" not in file.read_bytes()


def test_bytes_are_compared_as_bytes(package: Path) -> None:
    model = onnx.load(package / "student.int8.onnx")
    made = {name: node.op_type for node in model.graph.node for name in node.output}
    larger = [node for node in model.graph.node if node.op_type == "Max"]
    assert larger
    assert all(made[name] == "QuantizeLinear" for node in larger for name in node.input)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_mean_std_and_order_go_into_the_graph(order: Any, graphs: Graphs) -> None:
    own = Preprocess(16, mean=(1.0, 20.0, 30.0), std=(40.0, 50.0, 60.0), order=order)
    pixels = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with torch.no_grad():
        seen = own(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        wanted = graphs.student.features(seen).embedding.numpy()
    given = run_graph(dressed(graphs.fp32, own), {"rgb": pixels})
    assert cosines(given, wanted).min() > 0.99999
    outside = run_graph(dressed(graphs.fp32, own, "pixels"), {"pixels": seen.numpy()})
    np.testing.assert_allclose(outside, given, atol=1e-5)


def test_a_file_of_another_network_is_rejected_by_name(
    student: AbstractBackbone, faces: AbstractFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slopes' sign is turned on the way, as converters have done."""

    def wrong(model: Any) -> Any:
        copy = type(model)()
        copy.CopyFrom(model)
        for node in copy.graph.node:
            if node.op_type == "PRelu":
                node.op_type = "Relu"
                del node.input[1:]
        return copy

    monkeypatch.setattr("facedistill.export.contract.for_floats", wrong)
    manifest = work.export(student, {}, tmp_path / "p", work.Wanted(faces=faces, crops=60))
    assert sorted(file.name for file in (tmp_path / "p").glob("student*")) == ["student.fp32.onnx.rejected"]
    with pytest.raises(work.Rejected, match=r"min cosine .* is below 0.99999; it leaves the student first at out"):
        work.check_accepted(manifest, tmp_path / "p")
    with pytest.raises(UserError, match="none that passed"):
        open_package(tmp_path / "p").choose(None)


def test_a_fall_of_tar_alone_rejects() -> None:
    perfect = Agreement(1.0, 1.0, 1.0)
    assert GATES["int8"].passes(perfect)
    assert list(GATES["int8"].misses(perfect, -0.0051)) == ["TAR fell by 0.51 points, more than 0.5"]
    assert list(GATES["int8"].misses(perfect, 0.2)) == []
    assert not Gate(p1_cosine=0.97).passes(Agreement(1.0, 1.0, 0.96))


def test_answers_that_are_no_numbers_agree_with_nothing() -> None:
    assert agreement(np.ones((2, 3)), np.full((2, 3), np.nan)).min_cosine == -1


def test_the_layer_that_cannot_be_an_integer_stays_a_float(
    student: AbstractBackbone, faces: AbstractFaces, package: Path
) -> None:
    """One huge channel leaves a single step of the scale to all others."""
    broken = copy.deepcopy(student)
    broken.body[0].weight.data[0] *= 3e4
    broken.body[1].weight.data[0] = 1
    broken.out.weight.data.view(8, 8, 16)[:, 0] *= 1e-5
    graphs = Graphs(broken, see(broken, faces, 64).pixels)
    assert "body.0" in graphs.quantised.kept_in_float
    manifest = json.loads((package / "manifest.json").read_text())
    assert manifest["exports"]["student.int8.onnx"]["kept_in_float"] == []


def test_the_vectors_are_the_students_own(package: Path, student: AbstractBackbone) -> None:
    about = json.loads((package / "vectors" / "vectors.json").read_text())
    inputs = np.fromfile(package / "vectors" / "inputs.u8", np.uint8).reshape(about["inputs"]["shape"])
    wanted = np.fromfile(package / "vectors" / "embeddings.f32", "<f4").reshape(about["embeddings"]["shape"])
    assert cosines(said(student, inputs), wanted).min() > 0.999999
    for name in ("check.cpp", "Check.kt", "Check.swift"):
        text = (package / "vectors" / name).read_text()
        assert "8, 16, 16, 3" in text
        assert "@FILE@" not in text


def altered(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes()))


def escaping(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../outside.onnx"] = {"sha256": "0", "bytes": 1}
    del manifest["digest"]
    write_manifest(folder, manifest)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (altered("student.fp32.onnx", lambda data: data[:-1] + b"x"), "is not the file that was proven"),
        (
            altered("manifest.json", lambda data: data.replace(b'"thresholds": {}', b'"thresholds": {"x": 1}')),
            "altered",
        ),
        (altered("manifest.json", lambda data: data[:50]), "is damaged"),
        (lambda folder: (folder / "preprocess.json").unlink(), "is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "is not an export package"),
        (escaping, "lies outside of the package"),
    ],
)
def test_an_altered_package_is_refused(
    harm: Callable[[Path], object], message: str, package: Path, tmp_path: Path
) -> None:
    shutil.copytree(package, tmp_path / "p")
    harm(tmp_path / "p")
    with pytest.raises(UserError, match=message):
        open_package(tmp_path / "p")


def test_tensors_in_other_files_are_refused(package: Path, tmp_path: Path) -> None:
    model = onnx.load(package / "student.fp32.onnx")
    onnx.save(model, tmp_path / "x.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(UserError, match="cannot be run as one whole ONNX file"):
        target("onnx").open(tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "onyx"), "Unknown target 'onyx'; did you mean 'onnx'?"),
        (("--precision", "int4"), "--precision takes fp32, fp16, int8; it got 'int4'"),
        (("--faces", "nowhere"), "There is no folder or file nowhere"),
    ],
)
def test_a_bad_word_writes_nothing(call: Call, run: Path, arguments: tuple[str, str], message: str) -> None:
    answer = call("export", run, *arguments)
    assert (answer.code, message in answer.err) == (2, True)
    assert [file.name for file in run.iterdir()] == ["model.safetensors"]


def test_too_few_faces_prove_nothing(call: Call, run: Path, tmp_path: Path) -> None:
    answer = call("export", run, "--faces", write_faces(tmp_path / "few"))
    assert answer.err == "Error: The gate needs 1000 crops, and there are 24; give a larger folder.\n"
    assert not (run / "export").exists()


def test_a_missing_exporter_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"ONNX needs onnxscript; install it with: pip install 'facedistill\[export\]'"):
        target("onnx")
