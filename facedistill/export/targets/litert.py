"""LiteRT, formerly TensorFlow Lite: a flatbuffer for Android and iOS, whose graph XNNPACK computes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ...errors import UserError, one_line
from ...evaluate.embeddings.embed import evaluating
from ..contract import PRECISIONS, AbstractTarget, Graphs, Runner
from ..dress import RGB
from ..installed import check_importable
from ..module import Whole
from ..trace import Core, silence

_STUDENT = ".*Core_core.*"
"""Operators of the student, whose names tell their modules, and none round it: a length of eight bits would be none."""


class LiteRt(AbstractTarget):
    """One crop a call. fp16 are weights of 16 bits; int8 has one scale per channel of the weights."""

    endings = (".tflite",)
    precisions = PRECISIONS
    inputs = (RGB,)
    from_onnx = False

    def check_installed(self) -> None:
        with _quiet():
            check_importable("LiteRT", "litert", "litert_torch", "ai_edge_litert", "ai_edge_quantizer")

    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        with _quiet():
            model = _converted(graphs)
            if precision == "fp16":
                model = _as_halves(model)
            if precision == "int8":
                model = _as_bytes(model, graphs.calibration)
        file.write_bytes(model)

    def open(self, file: Path, *, threads: int = 1) -> Runner:
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(str(file), num_threads=threads)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise UserError(f"LiteRT cannot open {file}: {one_line(error)}.") from None
        (crop,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()

        def embed(crops: UInt8[np.ndarray, "B S S 3"]) -> Float[np.ndarray, "B D"]:
            rows = []
            for start in range(len(crops)):
                interpreter.set_tensor(crop["index"], crops[start : start + 1])
                interpreter.invoke()
                rows.append(interpreter.get_tensor(answer["index"]))
            return np.concatenate(rows)

        return embed


class _Larger(nn.Module):
    """PReLU as y = max(x, a x), for a <= 1: the converter would write five operators, slow as integers."""

    slopes: Float[Tensor, "C 1 1"]

    def __init__(self, slopes: Float[Tensor, " C"]) -> None:
        super().__init__()
        self.register_buffer("slopes", slopes.detach().reshape(-1, 1, 1))

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return torch.maximum(maps, self.slopes * maps)


def _rewritten(core: Core) -> Core:
    """A copy with every PReLU in the form that LiteRT computes fast; slopes above 1 stay with the runtime's own."""
    copy = deepcopy(core)
    for name, module in core.named_modules():
        if isinstance(module, nn.PReLU) and float(module.weight.max()) <= 1:
            copy.set_submodule(name, _Larger(module.weight))
    return copy


def _converted(graphs: Graphs) -> bytes:
    import litert_torch

    size_px = graphs.preprocess.size_px
    example = (torch.zeros(1, size_px, size_px, 3, dtype=torch.uint8),)
    with torch.no_grad(), evaluating(graphs.student):
        whole = Whole(graphs.preprocess, _rewritten(Core(graphs.student))).eval()
        try:
            model: bytes = litert_torch.convert(whole, example).model_content()
        except (RuntimeError, NotImplementedError, ValueError) as error:
            raise UserError(f"LiteRT does not take this student: {one_line(error)}.") from None
    return model


def _as_halves(model: bytes) -> bytes:
    from ai_edge_quantizer.quantizer import Quantizer

    quantizer = Quantizer(model)
    quantizer.add_weight_only_config(".*", "*", 16, algorithm_key="float_casting")
    return bytes(quantizer.quantize().quantized_model)


def _as_bytes(model: bytes, crops: UInt8[np.ndarray, "N S S 3"]) -> bytes:
    """Ranges from least to most; the quantiser's own is a moving average, which would cut off what is rare."""
    from ai_edge_quantizer.calibrator import Calibrator
    from ai_edge_quantizer.quantizer import Quantizer
    from ai_edge_quantizer.recipe_manager import RecipeManager
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    recipe = RecipeManager()
    recipe.add_static_config(_STUDENT, "*", 8, 8)
    calibrator = Calibrator(model, num_threads=1, qsv_update_func=min_max_update)
    # The half that sets ranges; the other judges layers where a graph can keep some in float.
    calibrator.calibrate({"serving_default": [{"args_0": crop[None]} for crop in crops[::2]]}, recipe)
    quantizer = Quantizer(model, recipe.get_quantization_recipe())
    return bytes(quantizer.quantize(calibrator.get_model_qsvs()).quantized_model)


@contextmanager
def _quiet() -> Iterator[None]:
    """Its packages tell of their progress, on both streams."""
    with silence(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield
