"""What stands round the student's graph in a file: the bytes of an image before it, the unit embedding after it."""

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

LEAST_SQUARE = 1e-12
"""Added to the squared length, so that a zero vector stays one instead of becoming NaN."""

_RAW = f"raw_{EMBEDDING}"


def dressed(core: "ModelProto", preprocess: Preprocess, *, in_graph: bool) -> "ModelProto":
    """A copy of the graph that answers with embeddings of length 1 and states its pixels in its metadata.

    ``in_graph``, it takes ``RGB``; otherwise B 3 S S as the network's own ``preprocess`` makes them.
    """
    model = type(core)()
    model.CopyFrom(core)
    _rename_output(model)
    before = _prepare(model, preprocess) if in_graph else []
    set_nodes(model, [*before, *model.graph.node, *_unit(model)])
    model.producer_name, model.producer_version = "facedistill", __version__
    stated = Preprocess(preprocess.size_px, mean=0.0, std=1.0) if in_graph else preprocess
    for key, value in preprocess_metadata(stated).items():
        model.metadata_props.add(key=key, value=value)
    return model


def _rename_output(model: "ModelProto") -> None:
    for each in model.graph.node:
        for names in (each.input, each.output):
            names[:] = [_RAW if name == EMBEDDING else name for name in names]


def _prepare(model: "ModelProto", preprocess: Preprocess) -> "list[NodeProto]":
    """(x - mean) / std in the network's order of colours; padding must not see it, so no convolution can take it in."""
    from onnx import TensorProto, helper

    size_px = preprocess.size_px
    given = helper.make_tensor_value_info(RGB, TensorProto.UINT8, ["batch", size_px, size_px, 3])
    del model.graph.input[:]
    model.graph.input.append(given)
    mean = add_constant(model, "pixel_mean", preprocess.mean.numpy())
    scale = add_constant(model, "pixel_scale", 1 / preprocess.std.numpy())
    return [
        *_swap(model, preprocess),
        node("Transpose", [RGB if preprocess.order == "rgb" else "colours"], "planes", perm=[0, 3, 1, 2]),
        node("Cast", ["planes"], "levels", to=TensorProto.FLOAT),
        node("Sub", ["levels", mean], "centred"),
        node("Mul", ["centred", scale], PIXELS),
    ]


def _swap(model: "ModelProto", preprocess: Preprocess) -> "list[NodeProto]":
    """Blue first, for a network that learned it so."""
    if preprocess.order == "rgb":
        return []
    order = add_constant(model, "colour_order", np.array([2, 1, 0]))
    return [node("Gather", [RGB, order], "colours", axis=3)]


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
