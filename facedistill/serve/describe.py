"""What the page must know: every model with its input, threshold and histogram, the detector and the test vectors.

Addresses of models say nothing of where their files lie on this machine.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..crop.detector import OVERLAP, YuNet
from ..data.codec import MAX_PIXELS
from ..data.template import ARCFACE_TEMPLATE_PX
from ..errors import UserError
from ..export.package import Package
from ..export.photograph import ALIGNED_PX, LARGEST_BYTES
from ..export.vectors import FACES, PEOPLE
from ..teachers.onnx import OnnxNetwork, open_session

LEAST_FACE_PX = 10
"""Of the shorter side of a face's box, as ``DetectedFaces`` has it."""


@dataclass
class Shown:
    """What ``/package.json`` says, and the files that it names by address."""

    description: dict[str, Any]
    files: dict[str, bytes] = field(repr=False)


def describe(package: Package, *, teacher: Path | None = None, detector: Path | None = None) -> Shown:
    """Everything that the page shows of a package, beside a teacher and behind a detector where they are given.

    Raises:
        UserError: the package has no ONNX file that passed its gate; the teacher or the detector is none.
    """
    names = [name for name in package.files if name.endswith(".onnx")]
    if not names:
        raise UserError(f"{package.folder} has no ONNX file that passed its gate; export one: facedistill export.")
    shown = Shown({}, {})
    models = [_student(package, name, shown.files) for name in names]
    if teacher is not None:
        name, address = f"teacher: {teacher.name}", "/models/teacher.onnx"
        models.append({"name": name, "ofPackage": False} | _model(teacher, address, shown.files))
    shown.description = {
        "name": package.manifest["student"]["name"],
        "cropPx": ALIGNED_PX,
        "template": ARCFACE_TEMPLATE_PX.tolist(),
        "limits": {"bytes": LARGEST_BYTES, "pixels": MAX_PIXELS},
        "models": models,
        "detector": None if detector is None else _detector(detector, shown.files),
        "vectors": _vectors(package, shown.files),
    }
    return shown


def _student(package: Package, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    measured = {"threshold": package.thresholds.get(name), "histogram": package.histograms.get(name)}
    return {"name": name, "ofPackage": True} | measured | _model(package.folder / name, f"/models/{name}", files)


def _model(file: Path, address: str, files: dict[str, bytes]) -> dict[str, Any]:
    """How the page asks a model; its bytes go to ``files``."""
    if not file.is_file():
        raise UserError(f"There is no ONNX file {file}.")
    network = OnnxNetwork(file)
    files[address] = file.read_bytes()
    image, preprocess = network.image_input, network.preprocess
    return {
        "url": address,
        "fileBytes": len(files[address]),
        "output": network.output,
        "input": {
            "name": image.name,
            "bytes": image.takes_bytes,
            "channelsLast": image.channels_last,
            "sizePx": preprocess.size_px,
            **preprocess.normalisation,
        },
    }


def _detector(file: Path, files: dict[str, bytes]) -> dict[str, Any]:
    checked = YuNet(file)
    data = file.read_bytes()
    files["/models/detector.onnx"] = data
    return {
        "url": "/models/detector.onnx",
        "sidePx": _side_px(data, file, checked.longest_px),
        "leastScore": checked.min_score,
        "leastFacePx": LEAST_FACE_PX,
        "overlap": OVERLAP,
    }


def _side_px(data: bytes, file: Path, free: int) -> int:
    """Side of the square that a detector's file takes; ``free`` where it leaves it open."""
    _, _, height, width = open_session(data, str(file), threads=1).get_inputs()[0].shape
    if not (isinstance(height, int) and isinstance(width, int)):
        return free
    if height != width or height % 32:
        raise UserError(f"{file} takes {width} x {height} pixels, and the page needs a square of 32 px cells.")
    return height


def _vectors(package: Package, files: dict[str, bytes]) -> dict[str, Any] | None:
    """The drawn faces of the package; none where its files take prepared pixels, which are no picture."""
    folder: str | None = package.manifest["vectors"]
    if folder is None or package.manifest["input"]["type"] != "uint8":
        return None
    about: Mapping[str, Any] = json.loads((package.folder / folder / "vectors.json").read_bytes())
    addresses = {kind: f"/vectors/{about[kind]['file']}" for kind in ("inputs", "embeddings")}
    for kind, address in addresses.items():
        files[address] = (package.folder / folder / about[kind]["file"]).read_bytes()
    _, width = about["embeddings"]["shape"]
    return {**addresses, "width": width, "sidePx": package.size_px, "perPerson": FACES // PEOPLE}
