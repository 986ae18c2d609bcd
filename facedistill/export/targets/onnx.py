"""ONNX files, run by onnxruntime: the hub that most other converters read."""

import importlib
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ...backbones.contract import Preprocess
from ...backbones.metadata import stated_preprocess
from ...errors import UserError
from ...teachers.onnx import open_session
from ..contract import AbstractTarget, Graphs, Runner, prepared
from ..dress import RGB
from ..session import run_session


class Onnx(AbstractTarget):
    """One file with all its tensors, its preprocessing and what it says of itself."""

    suffix = ".onnx"

    def check_installed(self) -> None:
        for name in ("onnx", "onnxruntime", "onnxscript"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError:
                raise UserError(f"ONNX needs {name}; install it with: pip install 'facedistill[export]'") from None

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
