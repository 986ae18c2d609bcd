"""ExecuTorch programs for phones: PyTorch's own graph, which XNNPACK computes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ...errors import UserError, one_line
from ...evaluate.embeddings.embed import evaluating
from ..contract import AbstractTarget, Graphs, Runner, prepared
from ..dress import RGB
from ..installed import check_importable
from ..module import Whole
from ..trace import Core, silence


class ExecuTorch(AbstractTarget):
    """One crop a call. int8 is PyTorch's own static quantisation, with one scale per channel of the weights."""

    endings = (".pte",)
    precisions = ("fp32", "int8")
    inputs = (RGB,)
    from_onnx = False

    def check_installed(self) -> None:
        check_importable("ExecuTorch", "executorch", "executorch", "torchao")

    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        size_px = graphs.preprocess.size_px
        example = (torch.zeros(1, size_px, size_px, 3, dtype=torch.uint8),)
        with torch.no_grad(), evaluating(graphs.student), silence():
            core: Any = Core(graphs.student).eval()
            try:
                if precision == "int8":
                    core = _quantised(core, torch.from_numpy(prepared(graphs.preprocess, graphs.calibration)))
                program = _lowered(torch.export.export(Whole(graphs.preprocess, core), example))
            except (RuntimeError, NotImplementedError) as error:
                raise UserError(f"ExecuTorch does not take this student: {one_line(error)}.") from None
        file.write_bytes(program)

    def open(self, file: Path, *, threads: int = 1) -> Runner:
        with silence():
            from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
            from executorch.runtime import Runtime

        _unsafe_reset_threadpool(threads)  # one pool for all programs of this process, and no other way to set it
        try:
            method = Runtime.get().load_program(file).load_method("forward")
        except RuntimeError as error:
            raise UserError(f"ExecuTorch cannot open {file}: {one_line(error)}.") from None

        def embed(crops: UInt8[np.ndarray, "B S S 3"]) -> Float[np.ndarray, "B D"]:
            answers = [method.execute([one.contiguous()])[0].clone() for one in torch.from_numpy(crops).split(1)]
            rows: np.ndarray = torch.cat(answers).numpy()
            return rows

        return embed


def _lowered(program: Any) -> bytes:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    lowered: bytes = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch().buffer
    return lowered


def _quantised(core: Any, pixels: Float[Tensor, "N 3 S S"]) -> Any:
    """The student only: a length of eight bits would be none."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantiser = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    observed = prepare_pt2e(torch.export.export(core, (pixels[:1],)).module(), quantiser)
    # The half that sets ranges; the other judges layers where a graph can keep some in float.
    for one in pixels[::2].split(1):
        observed(one)
    return convert_pt2e(observed)
