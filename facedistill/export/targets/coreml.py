"""Core ML's ML Program, a folder that Xcode takes: written on any system, run on Apple's only."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from ...errors import UserError, one_line
from ...evaluate.embeddings.embed import evaluating
from ..contract import AbstractTarget, Graphs, Runner
from ..dress import PLANES
from ..installed import check_importable
from ..module import FromPlanes
from ..trace import EMBEDDING, Core, silence


class CoreMl(AbstractTarget):
    """Takes a picture, one crop a call. fp16 keeps its ends in float32; threads are Core ML's own business."""

    endings = (".mlpackage",)
    precisions = ("fp32", "fp16")
    inputs = (PLANES,)
    from_onnx = False

    @property
    def unproven(self) -> str:
        if sys.platform == "darwin":
            return ""
        return (
            "Core ML runs on macOS only and nothing here has run this file; "
            "export the student again on a Mac, or run vectors/CheckCoreML.swift there"
        )

    def check_installed(self) -> None:
        with _quiet():
            check_importable("Core ML", "coreml", "coremltools")

    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        size_px = graphs.preprocess.size_px
        example = torch.zeros(1, 3, size_px, size_px)
        with torch.no_grad(), evaluating(graphs.student), _quiet():
            network = FromPlanes(graphs.preprocess, Core(graphs.student)).eval()
            try:
                model = _converted(torch.jit.trace(network, example, check_trace=False), example, precision)
            except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
                raise UserError(f"Core ML does not take this student: {one_line(error)}.") from None
            model.save(str(file))

    def open(self, file: Path, *, threads: int = 1) -> Runner:
        if self.unproven:
            raise UserError(f"{file} cannot be run here: {self.unproven}.")
        import coremltools
        from PIL import Image

        try:
            model = coremltools.models.MLModel(str(file))
        except Exception as error:  # its own kinds differ from one version of macOS to the next
            raise UserError(f"Core ML cannot open {file}: {one_line(error)}.") from None

        def embed(crops: UInt8[np.ndarray, "B S S 3"]) -> Float[np.ndarray, "B D"]:
            answers = [model.predict({PLANES: Image.fromarray(crop)})[EMBEDDING] for crop in crops]
            return np.concatenate(answers)

        return embed


def _converted(traced: Any, example: torch.Tensor, precision: str) -> Any:
    import coremltools as ct

    picture = ct.ImageType(PLANES, shape=example.shape, color_layout=ct.colorlayout.RGB)
    half = ct.transform.FP16ComputePrecision(op_selector=_is_of_the_network)
    return ct.convert(
        traced,
        inputs=[picture],
        outputs=[ct.TensorType(EMBEDDING, dtype=np.float32)],
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS16,  # the first that takes 16 bits between its layers
        compute_precision=half if precision == "fp16" else ct.precision.FLOAT32,
        skip_model_load=True,
    )


def _is_of_the_network(operation: Any) -> bool:
    """Neither the pixels before ``core`` nor the length after it, whose tiny summand 16 bits do not have."""
    from coremltools.converters.mil.mil.scope import ScopeSource

    modules = operation.scopes.get(ScopeSource.TORCHSCRIPT_MODULE_NAME, ())
    return list(modules[:1]) == ["core"]


@contextmanager
def _quiet() -> Iterator[None]:
    """It tells of untested versions and draws bars of its own."""
    with silence(), redirect_stderr(io.StringIO()):
        yield
