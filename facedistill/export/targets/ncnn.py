"""ncnn: a text of layers and a file of weights, for phones without a runtime of their own; converted by pnnx.

The tools that make eight bits are in neither package.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ...errors import UserError
from ..contract import AbstractTarget, Graphs, Runner
from ..dress import PLANES
from ..installed import check_importable
from ..trace import EMBEDDING


class Ncnn(AbstractTarget):
    """Takes what ``ncnn::Mat::from_pixels`` makes of bytes, one crop a call. PReLU stays ncnn's own."""

    endings = (".ncnn.param", ".ncnn.bin")
    precisions = ("fp32", "fp16")
    inputs = (PLANES,)
    from_onnx = True

    def check_installed(self) -> None:
        check_importable("ncnn", "ncnn", "onnx", "onnxscript", "ncnn", "pnnx")

    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            layers, weights = _convert(graphs, Path(scratch), half=precision == "fp16")
            for part, data in zip(self.parts(file), (_named(layers).encode(), weights), strict=True):
                part.write_bytes(data)
        self.open(file)  # a layer that ncnn does not have shows only here

    def open(self, file: Path, *, threads: int = 1) -> Runner:
        import ncnn

        network = ncnn.Net()
        network.opt.num_threads = threads
        if ".fp32." in file.name:
            # On phones, half precision is what ncnn computes in unless told otherwise.
            network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = False
            network.opt.use_bf16_storage = False
        layers, weights = map(str, self.parts(file))
        if network.load_param(layers) or network.load_model(weights):
            raise UserError(f"ncnn cannot open {file}, whose layers are {', '.join(_kinds(file))}.")

        def embed(crops: UInt8[np.ndarray, "B S S 3"]) -> Float[np.ndarray, "B D"]:
            return np.stack([_embed(network, crop) for crop in crops])

        return embed


def _convert(graphs: Graphs, scratch: Path, *, half: bool) -> tuple[str, bytes]:
    """Layers and weights, by pnnx's program."""
    import pnnx

    (scratch / "student.onnx").write_bytes(graphs.as_traced(PLANES).SerializeToString())
    side = graphs.preprocess.size_px
    options = [f"inputshape=[1,3,{side},{side}]f32", f"fp16={int(half)}"]
    done = subprocess.run(
        [pnnx.EXEC_PATH, "student.onnx", *options], cwd=scratch, capture_output=True, text=True, check=False
    )
    layers, weights = scratch / "student.ncnn.param", scratch / "student.ncnn.bin"
    if done.returncode or not (layers.is_file() and weights.is_file()):
        raise UserError(f"ncnn does not take this student: pnnx ended with {done.returncode}.")
    return layers.read_text(), weights.read_bytes()


def _named(layers: str) -> str:
    """The two ends called as those of other files are; names are words of their own in this format."""
    names = {"in0": PLANES, "out0": EMBEDDING}
    lines = (" ".join(names.get(word, word) for word in line.split(" ")) for line in layers.split("\n"))
    return "\n".join(lines)


def _kinds(file: Path) -> list[str]:
    """What layers a file asks for, below its magic number and its counts."""
    lines = file.read_text(errors="replace").splitlines()[2:]
    return sorted({line.split()[0] for line in lines if line.strip()})


def _embed(network: Any, crop: UInt8[np.ndarray, "S S 3"]) -> Float[np.ndarray, " D"]:
    import ncnn

    size_px = len(crop)
    pixels = ncnn.Mat.from_pixels(np.ascontiguousarray(crop), ncnn.Mat.PixelType.PIXEL_RGB, size_px, size_px)
    with network.create_extractor() as extractor:
        extractor.input(PLANES, pixels)
        _, answer = extractor.extract(EMBEDDING)
        return np.array(answer)
