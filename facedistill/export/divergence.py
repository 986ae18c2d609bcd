"""Where a file leaves the student's way: its layers beside those of the graph as it was traced."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ..teachers.onnx import open_session
from .gate import agreement
from .graph import layer_name
from .trace import PIXELS

if TYPE_CHECKING:
    from onnx import ModelProto

CROPS = 16
"""Enough to see a layer; every map of each is kept."""


def first_divergence(
    traced: "ModelProto", core: "ModelProto", pixels: Float[np.ndarray, "N 3 S S"], least: float
) -> str:
    """The first layer of ``core`` whose mean cosine to the same layer of ``traced`` is below ``least``, in words.

    Where none is, the one with the lowest cosine: many small steps may lead far.
    """
    names = _shared(traced, core)
    wanted, given = (_answers(model, list(names), pixels[:CROPS]) for model in (traced, core))
    cosines = {
        name: agreement(a.reshape(len(a), -1), b.reshape(len(b), -1)).mean_cosine
        for name, a, b in zip(names, wanted, given, strict=True)
    }
    worst = min(cosines, key=lambda name: cosines[name])
    first = next((name for name, cosine in cosines.items() if cosine < least), worst)
    return f"{names[first]} (mean cosine {cosines[first]:.6f})"


def _shared(traced: "ModelProto", core: "ModelProto") -> dict[str, str]:
    """Tensors that layers with weights write in both graphs, and the layers' names, in order."""
    there = {name for node in core.graph.node for name in node.output}
    layers = {node.output[0]: layer_name(node) for node in traced.graph.node}
    own = {node.output[0] for node in traced.graph.node if any(name.startswith("student.") for name in node.input)}
    return {name: layer for name, layer in layers.items() if name in there & own}


def _answers(model: "ModelProto", names: list[str], pixels: Float[np.ndarray, "N 3 S S"]) -> list[np.ndarray]:
    from onnx import helper

    shown = type(model)()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    answers = open_session(shown.SerializeToString(), "The graph", threads=1).run(names, {PIXELS: pixels})
    return [answer.astype(np.float32) for answer in answers]
