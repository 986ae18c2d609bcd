"""PReLU written with operators that runtimes vectorise.

    y = max(x, 0) + a min(x, 0)

onnxruntime computes its own PRelu element by element, several times as long as all convolutions together, and leaves
the blocked layout of its convolutions for it. Exactly the same values, but for the last bit, come from

    a <= 1:     y = x + max((a - 1) x, 0)               a depthwise 1 x 1 convolution with ReLU, and a sum
    otherwise:  y = a x + (1 - a) max(x, 0)             two such convolutions, and a sum
    one a:      LeakyRelu

Integers take another form: with one scale for x, a x and y the larger of two bytes needs no arithmetic at all.

    a <= 1:     y = max(x, a x)                         a depthwise 1 x 1 convolution, and Max
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from .graph import add_constant, constants, node, replace_nodes

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Form = Callable[["ModelProto", "NodeProto", Float[np.ndarray, " C"]], "Sequence[NodeProto] | None"]
"""The nodes for a PRelu with these slopes; None where the form does not hold for them."""


def for_floats(model: "ModelProto") -> "ModelProto":
    """A copy with every PRelu over maps in the form that float arithmetic likes."""
    return _rewritten(model, (_leaky, _with_residual, _with_two))


def for_integers(model: "ModelProto") -> "ModelProto":
    """A copy with every PRelu over maps in the form that survives quantisation best, and fastest."""
    return _rewritten(model, (_leaky, _larger, _with_two))


def _rewritten(model: "ModelProto", forms: Sequence[Form]) -> "ModelProto":
    copy = type(model)()
    copy.CopyFrom(model)
    slopes = constants(copy)

    def replacement(prelu: "NodeProto") -> "Sequence[NodeProto]":
        slope = slopes.get(prelu.input[1]) if prelu.op_type == "PRelu" else None
        # One slope per channel of a map is C 1 1 or 1 C 1 1; other shapes stay as they are.
        if slope is None or not (slope.size == 1 or (slope.ndim >= 3 and slope.shape[-3] == slope.size)):
            return [prelu]
        found = (form(copy, prelu, slope.reshape(-1)) for form in forms)
        return next(nodes for nodes in found if nodes is not None)

    replace_nodes(copy, replacement)
    return copy


def _leaky(model: "ModelProto", prelu: "NodeProto", a: Float[np.ndarray, " C"]) -> "Sequence[NodeProto] | None":
    if a.size > 1:
        return None
    return [node("LeakyRelu", [prelu.input[0]], prelu.output[0], alpha=float(a[0]))]


def _with_residual(model: "ModelProto", prelu: "NodeProto", a: Float[np.ndarray, " C"]) -> "Sequence[NodeProto] | None":
    if a.max() > 1:
        return None
    x, y = prelu.input[0], prelu.output[0]
    return [
        _per_channel(model, x, f"{y}_below", a - 1),
        node("Relu", [f"{y}_below"], f"{y}_lift"),
        node("Add", [x, f"{y}_lift"], y),
    ]


def _with_two(model: "ModelProto", prelu: "NodeProto", a: Float[np.ndarray, " C"]) -> "Sequence[NodeProto]":
    x, y = prelu.input[0], prelu.output[0]
    return [
        node("Relu", [x], f"{y}_above"),
        _per_channel(model, x, f"{y}_all", a),
        _per_channel(model, f"{y}_above", f"{y}_rest", 1 - a),
        node("Add", [f"{y}_all", f"{y}_rest"], y),
    ]


def _larger(model: "ModelProto", prelu: "NodeProto", a: Float[np.ndarray, " C"]) -> "Sequence[NodeProto] | None":
    if a.max() > 1:
        return None
    x, y = prelu.input[0], prelu.output[0]
    return [_per_channel(model, x, f"{y}_scaled", a), node("Max", [x, f"{y}_scaled"], y)]


def _per_channel(model: "ModelProto", x: str, y: str, factors: Float[np.ndarray, " C"]) -> "NodeProto":
    weights = add_constant(model, f"{y}_factors", factors.reshape(-1, 1, 1, 1).astype(np.float32))
    return node("Conv", [x, weights], y, kernel_shape=[1, 1], group=len(factors))
