"""ONNX teachers: the numbers of the file, and a plain word about files of another form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from facedistill.backbones.load import weights_file
from facedistill.errors import UserError
from facedistill.teachers.live import Live
from facedistill.teachers.onnx import Onnx
from facedistill.types import Batch

WEIGHT = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)


def write(
    file: Path, shape: Sequence[int | str | None] = ("batch", 3, 8, 8), outputs: int = 1, kind: int = TensorProto.FLOAT
) -> Path:
    """A network that embeds a face as its mean colour times ``WEIGHT``."""
    pixels = helper.make_tensor_value_info("pixels", kind, shape)
    answers = [helper.make_tensor_value_info(f"embedding{i}", TensorProto.FLOAT, [shape[0], 5]) for i in range(outputs)]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["float"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        *(helper.make_node("MatMul", ["flat", "weight"], [f"embedding{i}"]) for i in range(outputs)),
    ]
    graph = helper.make_graph(nodes, "mean", [pixels], answers, [numpy_helper.from_array(WEIGHT, "weight")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, file)
    return file


def images(count: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def embed(teacher: Any, pixels: torch.Tensor) -> np.ndarray:
    nobody = torch.full((len(pixels),), -1)
    return teacher(pixels, Batch(nobody, nobody, nobody, torch.tensor(0.0))).embedding.numpy()


def mean_colour(pixels: torch.Tensor) -> np.ndarray:
    return pixels.numpy().astype(np.float64).mean((2, 3))


@pytest.mark.parametrize("batch", ["batch", 1])
def test_free_and_single_batches_give_the_same_numbers(batch: str | int, tmp_path: Path) -> None:
    teacher = Live(weights=write(tmp_path / "x.onnx", (batch, 3, 8, 8)))
    expected = (mean_colour(images()) / 127.5 - 1) @ WEIGHT
    np.testing.assert_allclose(embed(teacher, images()), expected, atol=1e-5)
    assert teacher.provides == {"embedding"}
    assert (teacher.spec.embedding, teacher.spec.stages, teacher.spec.size_px) == (5, (), 8)
    assert teacher.head_centres() is None


def test_pixels_are_scaled_per_channel_in_the_networks_order(tmp_path: Path) -> None:
    file = write(tmp_path / "x.onnx")
    teacher = Onnx(weights=file, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0), order="bgr")
    expected = ((mean_colour(images())[:, ::-1] - [1, 2, 3]) / [4, 5, 6]) @ WEIGHT
    np.testing.assert_allclose(embed(teacher, images()), expected, rtol=1e-5)


def test_a_free_side_takes_size_px(tmp_path: Path) -> None:
    teacher = Onnx(weights=write(tmp_path / "x.onnx", ("b", 3, "h", "w")), size_px=16)
    assert teacher.spec.size_px == 16
    with pytest.raises(UserError, match="states size_px 8 for itself, and 16 is asked for"):
        Onnx(weights=write(tmp_path / "y.onnx"), size_px=16)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"shape": (1, "channels", 8, 8)}, "must take one float32 input B 3 S S"),
        ({"kind": TensorProto.INT64}, "must take one float32 input"),
        ({"shape": (4, 3, 8, 8)}, "batches of 4 only"),
        ({"shape": (1, 3, 8, 6)}, "faces are square"),
        ({"outputs": 2}, "must give one embedding B D; it gives embedding0"),
    ],
)
def test_files_of_another_form_are_named(form: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        Onnx(weights=write(tmp_path / "x.onnx", **form))


def test_bytes_are_given_as_they_are(tmp_path: Path) -> None:
    file = write(tmp_path / "x.onnx", kind=TensorProto.UINT8)
    expected = mean_colour(images()) @ WEIGHT
    np.testing.assert_allclose(embed(Onnx(weights=file), images()), expected, rtol=1e-5)
    with pytest.raises(UserError, match=r"states mean 0.0 for itself, and 127.5 is asked for"):
        Onnx(weights=file, mean=127.5)


def test_tensors_in_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(write(tmp_path / "whole.onnx"))
    onnx.save(model, tmp_path / "x.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="one whole ONNX file"):
        Onnx(weights=tmp_path / "x.onnx")


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"x\.onnx cannot be run"):
        Live(weights=tmp_path / "x.onnx")
    with pytest.raises(UserError, match="no weights at"):
        weights_file(tmp_path / "absent.onnx")


def test_a_backbone_beside_an_onnx_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leave out `backbone`"):
        Live(weights=write(tmp_path / "x.onnx"), backbone="vit_t")


def test_without_onnxruntime_the_remedy_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"pip install 'facedistill\[onnx\]'"):
        Onnx(weights=write(tmp_path / "x.onnx"))
