"""The student as an ONNX graph: from prepared pixels to the embedding, before anything is rewritten for a device."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone
from ..errors import UserError, first_line
from ..evaluate.embeddings.embed import evaluating

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
"""The newest that every converter behind ONNX that we met takes."""

PIXELS, EMBEDDING = "pixels", "embedding"
"""Names of the graph's input, B 3 S S, and of its output, B D."""


class Core(nn.Module):
    """What lies between a network's prepared pixels and its embedding."""

    def __init__(self, student: AbstractBackbone) -> None:
        super().__init__()
        self.student = student

    def forward(self, pixels: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B D"]:
        return self.student.features(pixels).embedding


def trace(student: AbstractBackbone) -> "ModelProto":
    """The graph of a network in evaluation mode, with a free batch axis; BatchNorm goes into convolutions before it.

    Raises:
        UserError: the packages of the extra ``export`` are missing, or an operator has no counterpart in ONNX.
    """
    size_px = student.preprocess.size_px
    example = torch.zeros(2, 3, size_px, size_px)
    with torch.no_grad(), evaluating(student), silence():
        core = Core(student).eval()
        try:
            program = torch.onnx.export(
                core,
                (example,),
                dynamo=True,
                input_names=[PIXELS],
                output_names=[EMBEDDING],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=OPSET,
                verbose=False,
            )
        except ModuleNotFoundError as error:
            raise UserError(f"Export needs {error.name}; install it with: pip install 'facedistill[export]'") from None
        except torch.onnx.errors.OnnxExporterError as error:
            raise UserError(f"This student cannot be written as ONNX: {first_line(error.__cause__ or error)}") from None
    assert program is not None
    return _plain(program.model_proto)


def _plain(model: "ModelProto") -> "ModelProto":
    """Without the exporter's notes, which tell the folders and source lines of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
    del graph.value_info[:]
    return model


@contextmanager
def silence() -> Iterator[None]:
    """The exporter tells of missing packages that nobody needs, and warns of its own internals."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
