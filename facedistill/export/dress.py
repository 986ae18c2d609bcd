"""What stands round the student's graph in a file: the bytes of an image before it, the unit embedding after it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import __version__
from ..backbones.contract import Preprocess
from ..backbones.metadata import preprocess_metadata
from .graph import add_constant, node, set_nodes
from .trace import EMBEDDING, PIXELS

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

RGB = "rgb"
"""Input of a file that prepares its pixels itself: uint8 B S S 3, red first, as bytes lie in memory."""

PLANES = "planes"
"""The same for runtimes whose inputs are numbers: float32 B 3 S S from 0 to 255, red first."""

LEAST_SQUARE = 1e-12
"""Added to the squared length, so that a zero vector stays one instead of becoming NaN."""

_RAW = f"raw_{EMBEDDING}"


def dressed(core: "ModelProto", preprocess: Preprocess, takes: str = RGB) -> "ModelProto":
    """A copy of the graph that answers with embeddings of length 1 and states its pixels in its metadata.

    Args:
        takes: ``RGB``, ``PLANES``, or ``PIXELS`` as the network's own ``preprocess`` makes them.
    """
    model = type(core)()
    model.CopyFrom(core)
    _rename_output(model)
    before = [] if takes == PIXELS else _prepare(model, preprocess, takes)
    set_nodes(model, [*before, *model.graph.node, *_unit(model)])
    model.producer_name, model.producer_version = "facedistill", __version__
    stated = preprocess if takes == PIXELS else Preprocess(preprocess.size_px, mean=0.0, std=1.0)
    for key, value in preprocess_metadata(stated).items():
        model.metadata_props.add(key=key, value=value)
    return model


def _rename_output(model: "ModelProto") -> None:
    for each in model.graph.node:
        for names in (each.input, each.output):
            names[:] = [_RAW if name == EMBEDDING else name for name in names]


def _prepare(model: "ModelProto", preprocess: Preprocess, takes: str) -> "list[NodeProto]":
    """(x - mean) / std in the network's order of colours; padding must not see it, so no convolution can take it in."""
    as_planes = _from_bytes(model, preprocess.size_px) if takes == RGB else _from_planes(model, preprocess.size_px)
    mean = add_constant(model, "pixel_mean", preprocess.mean.numpy())
    scale = add_constant(model, "pixel_scale", 1 / preprocess.std.numpy())
    return [
        *as_planes,
        *_swap(model, preprocess),
        node("Sub", [PLANES if preprocess.order == "rgb" else "colours", mean], "centred"),
        node("Mul", ["centred", scale], PIXELS),
    ]


def _from_bytes(model: "ModelProto", size_px: int) -> "list[NodeProto]":
    from onnx import TensorProto

    _set_input(model, RGB, TensorProto.UINT8, [size_px, size_px, 3])
    return [
        node("Transpose", [RGB], "levels", perm=[0, 3, 1, 2]),
        node("Cast", ["levels"], PLANES, to=TensorProto.FLOAT),
    ]


def _from_planes(model: "ModelProto", size_px: int) -> "list[NodeProto]":
    from onnx import TensorProto

    _set_input(model, PLANES, TensorProto.FLOAT, [3, size_px, size_px])
    return []


def _set_input(model: "ModelProto", name: str, kind: int, shape: Sequence[int]) -> None:
    from onnx import helper

    del model.graph.input[:]
    model.graph.input.append(helper.make_tensor_value_info(name, kind, ["batch", *shape]))


def _swap(model: "ModelProto", preprocess: Preprocess) -> "list[NodeProto]":
    """Blue first, for a network that learned it so; as a convolution, since a Gather becomes NaN in ncnn."""
    if preprocess.order == "rgb":
        return []
    order = add_constant(model, "colour_order", np.eye(3, dtype=np.float32)[::-1].reshape(3, 3, 1, 1))
    return [node("Conv", [PLANES, order], "colours", kernel_shape=[1, 1])]


def _unit(model: "ModelProto") -> "list[NodeProto]":
    """x / sqrt(sum x^2 + tiny), in the operators that every converter we tried takes."""
    axes = add_constant(model, "embedding_axis", np.array([1], np.int64))
    tiny = add_constant(model, "least_square", np.array(LEAST_SQUARE, np.float32))
    return [
        node("Mul", [_RAW, _RAW], "squares"),
        node("ReduceSum", ["squares", axes], "square_length", keepdims=1),
        node("Add", ["square_length", tiny], "square_length_above_zero"),
        node("Sqrt", ["square_length_above_zero"], "length"),
        node("Reciprocal", ["length"], "one_by_length"),
        node("Mul", [_RAW, "one_by_length"], EMBEDDING),
    ]
