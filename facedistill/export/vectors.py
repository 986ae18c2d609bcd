"""Test vectors: drawn faces as a file takes them, what the student says of them, and code that compares the two."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ..backbones.contract import AbstractBackbone, Preprocess
from ..backbones.metadata import TEMPLATE
from ..data.synthetic import DrawnFaces
from ..evaluate.embeddings.unit import unit_rows
from .contract import prepared
from .dress import RGB
from .gate import GATES
from .parity import see
from .trace import PIXELS

FOLDER = "vectors"
FACES = 8
PEOPLE, _SEED = 4, 77
"""Nobody is shown; the seed is none of the gate's."""

_SNIPPETS = Path(__file__).parent / "snippets"
"""One folder a target; not every target has code."""

_SPARE = 1e-3
"""Other processors round otherwise."""


def write_vectors(
    package: Path, student: AbstractBackbone, *, in_graph: bool, files: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write inputs, the PyTorch student's unit embeddings, and snippets for the first of the files of each target.

    Args:
        files: what the manifest says of those that passed or were never run, by name.
    """
    folder = package / FOLDER
    folder.mkdir()
    drawn = DrawnFaces(
        identities=PEOPLE,
        images_per_identity=FACES // PEOPLE,
        seed=_SEED,
        size_px=student.preprocess.size_px,
    )
    crops = see(student, drawn, FACES)
    inputs = crops.pixels if in_graph else prepared(student.preprocess, crops.pixels).astype("<f4")
    embeddings = unit_rows(crops.wanted.astype(np.float64)).astype("<f4")
    words = _words(inputs, embeddings, in_graph)
    (folder / words["INPUTS"]).write_bytes(inputs.tobytes())
    (folder / "embeddings.f32").write_bytes(embeddings.tobytes())
    about = {
        "inputs": {"file": words["INPUTS"], "shape": list(inputs.shape), "type": str(inputs.dtype)},
        "embeddings": {"file": "embeddings.f32", "shape": list(embeddings.shape), "type": "float32"},
        "bytes": "little-endian, row by row",
    }
    (folder / "vectors.json").write_text(json.dumps(about, indent=2) + "\n")
    for name, entry in reversed(list(files.items())):
        least = _least(entry)
        for snippet in sorted((_SNIPPETS / entry["target"]).glob("*")):
            filled = _filled(snippet.read_text(), words | {"FILE": name, "LEAST": f"{least:.6g}"})
            (folder / snippet.name).write_text(filled)


def _least(entry: Mapping[str, Any]) -> float:
    """The cosine that a phone's own rounding may leave; what nothing has run must reach the gate."""
    if "unproven" in entry:
        gate = GATES[entry["precision"]]
        return max(gate.min_cosine, gate.p1_cosine)
    return max(0.0, float(entry["parity"]["min_cosine"]) - _SPARE)


def _words(
    inputs: UInt8[np.ndarray, "N S S 3"] | Float[np.ndarray, "N 3 S S"],
    embeddings: Float[np.ndarray, "N D"],
    in_graph: bool,
) -> dict[str, str]:
    """What the snippets leave open."""
    kind = (
        {"CPP": "uint8_t", "KOTLIN": "UINT8", "SWIFT": "uInt8", "INPUTS": "inputs.u8", "IN": RGB}
        if in_graph
        else {"CPP": "float", "KOTLIN": "FLOAT", "SWIFT": "float", "INPUTS": "inputs.f32", "IN": PIXELS}
    )
    shape = ", ".join(map(str, inputs.shape))
    sizes = {
        "FACES": len(inputs),
        "SIDE": inputs.shape[2],
        "WIDTH": embeddings.shape[1],
        "VALUES": inputs.size,
    }
    return {**kind, "SHAPE": shape, **{name: str(size) for name, size in sizes.items()}}


def _filled(text: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return text


def preprocess_entry(preprocess: Preprocess, *, in_graph: bool) -> dict[str, Any]:
    """What ``preprocess.json`` says: how a photograph becomes the input of a file."""
    size_px = preprocess.size_px
    own = preprocess.normalisation
    taken = (
        {"name": RGB, "type": "uint8", "shape": ["batch", size_px, size_px, 3], "order": "rgb", "normalise": "nothing"}
        if in_graph
        else {"name": PIXELS, "type": "float32", "shape": ["batch", 3, size_px, size_px], **own, "normalise": _RULE}
    )
    return {"size_px": size_px, "template": TEMPLATE, "resize": _RESIZE, "input": taken, "network": own}


_RULE = "(x - mean) / std with x from 0 to 255"
_RESIZE = "align to a crop of 112 px, then shrink to size_px with antialiasing: bilinear, as the student was trained"
