"""Half precision: 16 bits for weights and maps inside the graph, float32 at both of its ends.

The length of an embedding is computed outside, in float32: squares of more than 255 leave the range of 16 bits.
"""

from typing import TYPE_CHECKING

import numpy as np

from .graph import add_constant, constants, set_nodes
from .trace import EMBEDDING, PIXELS

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_LARGEST = float(np.finfo(np.float16).max)


def half(core: "ModelProto") -> "ModelProto":
    """A copy that computes in float16; numbers beyond its range are cut to it, and the parity gate judges that."""
    from onnx import TensorProto, helper

    model = type(core)()
    model.CopyFrom(core)
    floats = {name: value for name, value in constants(model).items() if value.dtype == np.float32}
    single = _must_stay(model)
    tensors = [t for t in model.graph.initializer if t.name not in floats or t.name in single]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
    for name in floats.keys() - single:
        add_constant(model, name, floats[name].clip(-_LARGEST, _LARGEST).astype(np.float16))
    inside = [_halved(node) for node in model.graph.node]
    first = helper.make_node("Cast", [PIXELS], [f"{PIXELS}_half"], name="to_half", to=TensorProto.FLOAT16)
    last = helper.make_node("Cast", [f"{EMBEDDING}_half"], [EMBEDDING], name="to_float", to=TensorProto.FLOAT)
    set_nodes(model, [first, *inside, last])
    return model


def _halved(node: "NodeProto") -> "NodeProto":
    """The node between the two casts; a cast or a constant that was float32 becomes float16."""
    from onnx import TensorProto, numpy_helper

    inner = {PIXELS: f"{PIXELS}_half", EMBEDDING: f"{EMBEDDING}_half"}
    for names in (node.input, node.output):
        names[:] = [inner.get(name, name) for name in names]
    for attribute in node.attribute:
        if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        elif attribute.t.data_type == TensorProto.FLOAT:
            value = numpy_helper.to_array(attribute.t).clip(-_LARGEST, _LARGEST).astype(np.float16)
            attribute.t.CopyFrom(numpy_helper.from_array(value))
    return node


def _must_stay(model: "ModelProto") -> set[str]:
    """Factors of a Resize are float32 by its definition."""
    return {name for node in model.graph.node if node.op_type == "Resize" for name in node.input[1:]}
