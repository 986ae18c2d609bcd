"""OpenVINO's IR: a graph in XML and its tensors beside it, run by OpenVINO on the processor.

Read and saved through ``Core``, which tells nobody; ``openvino.convert_model`` would report to its makers.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ...errors import UserError, one_line
from ..contract import PRECISIONS, AbstractTarget, Graphs, Runner
from ..dress import RGB
from ..installed import check_importable

_BATCH = 64


class OpenVino(AbstractTarget):
    """fp16 are weights of 16 bits and sums of 32; int8 is the QDQ graph of ONNX. PReLU stays OpenVINO's own."""

    endings = (".openvino.xml", ".openvino.bin")
    precisions = PRECISIONS
    inputs = (RGB,)
    from_onnx = True

    def check_installed(self) -> None:
        check_importable("OpenVINO", "openvino", "onnx", "onnxscript", "openvino")

    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        import openvino

        graph = graphs.whole(precision) if precision == "int8" else graphs.as_traced(RGB)
        try:
            model = openvino.Core().read_model(graph.SerializeToString(), b"")
        except RuntimeError as error:
            raise UserError(f"OpenVINO does not take this student: {one_line(error)}.") from None
        openvino.save_model(model, file, compress_to_fp16=precision == "fp16")

    def open(self, file: Path, *, threads: int = 1) -> Runner:
        compiled = _compiled(self.parts(file), threads)

        def embed(crops: UInt8[np.ndarray, "B S S 3"]) -> Float[np.ndarray, "B D"]:
            parts = [crops[start : start + _BATCH] for start in range(0, len(crops), _BATCH)]
            # Shared inputs have been written to; what is answered is used again by the next call.
            return np.concatenate([compiled([part], share_inputs=False)[0].copy() for part in parts])

        return embed


def _compiled(files: tuple[Path, ...], threads: int) -> Any:
    import openvino

    options = {
        # Without a word it computes in bfloat16 where the processor can, and is another student.
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        # Its own choice of core may be one that this process has no right to.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        core = openvino.Core()
        return core.compile_model(core.read_model(*files), "CPU", options)
    except RuntimeError as error:
        raise UserError(f"OpenVINO cannot open {files[0]}: {one_line(error)}.") from None
