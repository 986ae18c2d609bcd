"""Small tools for ONNX graphs: constants by name, nodes replaced in their place, what nobody reads left out."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Replacement = Callable[["NodeProto"], "Sequence[NodeProto]"]
"""The nodes that stand for a node; itself, where nothing changes."""


def constants(model: "ModelProto") -> dict[str, np.ndarray]:
    """Every constant tensor by its name."""
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def add_constant(model: "ModelProto", name: str, value: np.ndarray) -> str:
    """Put a tensor into the graph; its name."""
    from onnx import numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def replace_nodes(model: "ModelProto", replacement: Replacement) -> None:
    """Ask for every node what shall stand in its place; constants that nobody reads then go."""
    set_nodes(model, [new for node in model.graph.node for new in replacement(node)])
    drop_unread(model)


def set_nodes(model: "ModelProto", nodes: "Iterable[NodeProto]") -> None:
    """Let a graph consist of these nodes, which may be some of its own."""
    kept = list(nodes)
    del model.graph.node[:]
    model.graph.node.extend(kept)


def drop_unread(model: "ModelProto") -> None:
    """Leave out nodes and constants that no answer depends on."""
    needed = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    set_nodes(model, reversed(kept))
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)


def consumers(model: "ModelProto") -> "dict[str, list[NodeProto]]":
    """Who reads each tensor."""
    readers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def producers(model: "ModelProto") -> "dict[str, NodeProto]":
    """Who writes each tensor."""
    return {name: node for node in model.graph.node for name in node.output}


def layer_name(node: "NodeProto") -> str:
    """A node as its layer is called in the student, by the weights it reads; else by its own name."""
    owned = [name for name in node.input if name.startswith("student.")]
    return owned[0].removeprefix("student.").rpartition(".")[0] if owned else node.name


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> "NodeProto":
    """A node with one answer, named after it."""
    from onnx import helper

    return helper.make_node(kind, inputs, [output], name=f"{output}_{kind}", **attributes)
