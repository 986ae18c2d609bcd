"""ONNX files, run by onnxruntime: the hub that most other converters read."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ...backbones.contract import Preprocess
from ...backbones.metadata import stated_preprocess
from ...teachers.onnx import open_session
from ..contract import PRECISIONS, AbstractTarget, Graphs, Runner, prepared
from ..dress import RGB
from ..installed import check_importable
from ..session import run_session
from ..trace import PIXELS


class Onnx(AbstractTarget):
    """One file with all its tensors, its preprocessing and what it says of itself."""

    endings = (".onnx",)
    precisions = PRECISIONS
    inputs = (RGB, PIXELS)
    from_onnx = True

    def check_installed(self) -> None:
        check_importable("ONNX", "export", "onnx", "onnxruntime", "onnxscript")

    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        import onnx

        model = graphs.whole(precision)
        onnx.checker.check_model(model, full_check=True)
        file.write_bytes(model.SerializeToString())

    def open(self, file: Path, *, threads: int = 1) -> Runner:
        session = open_session(file.read_bytes(), str(file), threads=threads)
        name = session.get_inputs()[0].name
        preprocess = Preprocess(**stated_preprocess(session.get_modelmeta().custom_metadata_map, file))

        def embed(crops: UInt8[np.ndarray, "B S S 3"]) -> Float[np.ndarray, "B D"]:
            return run_session(session, {name: crops if name == RGB else prepared(preprocess, crops)})

        return embed
