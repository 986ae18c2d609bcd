"""The command's work: write the student for every runtime and precision, prove each file, and pack what is proven."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from .. import __version__
from ..backbones.contract import AbstractBackbone
from ..data.contract import AbstractFaces
from ..data.subset import Subset
from ..data.synthetic import DrawnFaces
from ..errors import UserError
from ..evaluate.embeddings.embed import evaluating
from ..files import whole_folder
from .contract import Graphs
from .jobs import planned
from .package import FORMAT, listed, write_manifest
from .parity import LEAST_CROPS, see
from .prove import proven
from .vectors import FOLDER, preprocess_entry, write_vectors

CALIBRATION_CROPS = 256
"""Half of them set ranges, the other half judges layers."""

_DRAWN = {"images_per_identity": 8, "seed": 4242}


class Rejected(UserError):
    """A file that is not the student."""

    exit_code: ClassVar[int] = 1


class Unproven(UserError):
    """A file that nothing here can run."""

    exit_code: ClassVar[int] = 3


@dataclass(frozen=True)
class Wanted:
    """What to export, and by which faces to judge it."""

    targets: Sequence[str] = ("onnx",)
    precisions: Sequence[str] = ("fp32",)
    in_graph: bool = True
    """Whether a file prepares its pixels itself."""
    faces: AbstractFaces | None = None
    """Of the gate; drawn ones by default."""
    calibration: AbstractFaces | None = None
    """For eight bits; drawn ones by default."""
    crops: int = LEAST_CROPS


def export(
    student: AbstractBackbone,
    source: dict[str, Any],
    folder: Path,
    wanted: Wanted,
    report: Callable[[str, int, int], None] = lambda name, done, of: None,
) -> dict[str, Any]:
    """Write the package ``folder`` and return its manifest; the folder appears whole or not at all.

    Args:
        source: what to say of the student's origin.

    Raises:
        UserError: nothing was written; the sentence says why.
    """
    jobs = planned(wanted.targets, wanted.precisions, in_graph=wanted.in_graph)
    report("faces", 0, 1)
    faces = _drawn(student, wanted.crops) if wanted.faces is None else wanted.faces
    crops = see(student, faces, wanted.crops)
    graphs = Graphs(
        student,
        _calibration(student, wanted),
        in_graph=wanted.in_graph,
        report=lambda done, of: report("layers as integers", done, of),
    )
    report("faces", 1, 1)
    with whole_folder(folder) as built:
        exports: dict[str, Any] = {}
        for number, job in enumerate(jobs.wanted, 1):
            exports |= proven(graphs, crops, job, built)
            report("export", number, len(jobs.wanted))
        manifest = _packed(graphs, source, exports, built) | {"left_out": jobs.left_out}
        write_manifest(built, manifest)
        return manifest


def _drawn(student: AbstractBackbone, count: int) -> DrawnFaces:
    identities = -(-count // _DRAWN["images_per_identity"])
    return DrawnFaces(identities=identities, size_px=student.preprocess.size_px, **_DRAWN)


def _calibration(student: AbstractBackbone, wanted: Wanted) -> np.ndarray:
    """Crops for eight bits, none where nobody asks for those."""
    if "int8" not in wanted.precisions:
        return np.empty((0, *[student.preprocess.size_px] * 2, 3), np.uint8)
    faces = wanted.calibration
    if faces is None:
        # Other people than the gate's.
        faces = DrawnFaces(
            identities=CALIBRATION_CROPS // 2,
            images_per_identity=2,
            seed=_DRAWN["seed"] + 1,
            size_px=student.preprocess.size_px,
        )
    chosen = np.sort(np.random.default_rng(0).permutation(len(faces))[:CALIBRATION_CROPS])
    return see(student, Subset(faces, chosen), len(chosen)).pixels


def _packed(graphs: Graphs, source: dict[str, Any], exports: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put what the files need beside them, and say what is there."""
    student = graphs.student
    usable = {name: entry for name, entry in exports.items() if "missed" not in entry}
    if usable:
        write_vectors(folder, student, in_graph=graphs.in_graph, files=usable)
    entry = preprocess_entry(student.preprocess, in_graph=graphs.in_graph)
    _write_json(folder / "preprocess.json", entry)
    return {
        "format": FORMAT,
        "facedistill": __version__,
        "student": {**source, "weights": _weights(student), "macs": _macs(student)},
        "input": {**entry["input"], "size_px": entry["size_px"]},
        "exports": exports,
        "vectors": FOLDER if usable else None,
        "thresholds": {},
        "files": dict(listed(folder)),
    }


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n")


def _weights(student: AbstractBackbone) -> int:
    return sum(parameter.numel() for parameter in student.parameters())


def _macs(student: AbstractBackbone) -> int:
    """Multiply-adds of one crop in convolutions and matrix products."""
    size_px = student.preprocess.size_px
    with torch.no_grad(), evaluating(student) as (embedder, device), FlopCounterMode(display=False) as counter:
        embedder(torch.zeros(1, 3, size_px, size_px, dtype=torch.uint8, device=device))
    return counter.get_total_flops() // 2


def check_accepted(manifest: dict[str, Any], folder: Path) -> None:
    """Raises ``Rejected`` with the first file that missed its gate, and where it went wrong; else ``Unproven``."""
    for name, entry in manifest["exports"].items():
        if "missed" in entry:
            raise Rejected(
                f"{folder / name} is not the student: {'; '.join(entry['missed'])}; "
                f"it leaves the student first at {entry['diverges_first_at']}."
            )
    for name, entry in manifest["exports"].items():
        if "unproven" in entry:
            raise Unproven(f"{folder / name} is not proven: {entry['unproven']}.")
