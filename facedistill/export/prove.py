"""One file: written, run in its own runtime beside the student, and accepted or rejected; unproven where none runs."""

from pathlib import Path
from typing import Any

from .bench import Timed, time_side_by_side
from .contract import Graphs, Runner, prepared
from .divergence import CROPS, first_divergence
from .gate import GATES, Gate
from .jobs import Job
from .package import REJECTED, UNPROVEN
from .parity import Crops, compare
from .session import run
from .trace import PIXELS

STUDENT = "student"
"""Stem of every file."""

_ROUNDS = 3
"""Of the p50 of an export."""


def proven(graphs: Graphs, crops: Crops, job: Job, folder: Path) -> dict[str, Any]:
    """Write one file into ``folder`` and return its entry of the manifest by its name.

    Raises:
        UserError: the runtime does not take the student.
    """
    target, precision = job.target, job.precision
    file = folder / f"{STUDENT}.{precision}{UNPROVEN if target.unproven else ''}{target.endings[0]}"
    target.write(graphs, precision, file)
    written = {
        "target": job.name,
        "precision": precision,
        "takes": target.inputs[0] if graphs.in_graph else target.inputs[-1],
        "bytes": sum(map(_bytes, target.parts(file))),
        "kept_in_float": list(graphs.quantised.kept_in_float) if target.from_onnx and precision == "int8" else [],
    }
    if target.unproven:
        return {file.name: {**written, "accepted": False, "unproven": target.unproven}}
    runner = target.open(file)
    parity, gate = compare(crops, runner), GATES[precision]
    missed = list(gate.misses(parity.agreement, parity.worst_tar_change))
    entry = {
        **written,
        "accepted": not missed,
        "p50_ms": _p50_ms(runner, graphs.preprocess.size_px),
        "parity": parity.as_dict(),
    }
    if not missed:
        return {file.name: entry}
    where = _divergence(graphs, crops, job, gate)
    for part in target.parts(file):
        part.rename(part.with_name(f"{part.name}{REJECTED}"))
    return {f"{file.name}{REJECTED}": {**entry, "missed": missed, "diverges_first_at": where}}


def _bytes(part: Path) -> int:
    """Of a file, or of all in a folder."""
    return sum(file.stat().st_size for file in (part, *part.rglob("*")) if file.is_file())


def _divergence(graphs: Graphs, crops: Crops, job: Job, gate: Gate) -> str:
    """A layer of the graph, where the graph itself has gone astray; runtimes do not show their layers."""
    if not job.target.from_onnx:
        return f"a layer that {job.name} does not show"
    core = graphs.core(job.precision)
    alone = compare(crops, lambda pixels: run(core, {PIXELS: prepared(graphs.preprocess, pixels)}))
    if not list(gate.misses(alone.agreement, alone.worst_tar_change)):
        return f"no layer of its graph, which passes in onnxruntime, but in what {job.name} makes of it"
    shown = prepared(graphs.preprocess, crops.pixels[:CROPS])
    return first_divergence(graphs.traced, core, shown, max(gate.min_cosine, gate.mean_cosine))


def _p50_ms(runner: Runner, size_px: int) -> float:
    """A first impression; ``bench device`` takes its time."""
    return time_side_by_side({STUDENT: Timed(runner, size_px)}, rounds=_ROUNDS)[STUDENT].p50_ms
