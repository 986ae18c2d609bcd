"""How long a file takes on this machine, one crop at a time, beside the other files of its package.

Files take turns in rounds, so that what else the machine does falls upon all of them. Wall time is what a user waits;
processor time of the process, which may have helpers of its own, is what the file costs where other programs want the
core too.
"""

import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from .contract import Runner
from .limit import macs_per_s
from .package import Package

ROUNDS, CALLS = 20, 10
"""Turns of every file, and timed calls in each."""

_WARM_UP = 3


@dataclass(frozen=True)
class Speed:
    """One file with so many threads."""

    p50_ms: float
    p95_ms: float
    least_ms: float
    """What it takes when nothing else happens: noise only ever adds."""
    cpu_ms: float
    """Median processor time of a call, all threads together."""


@dataclass(frozen=True)
class Timed:
    """A file as ``time_side_by_side`` runs it."""

    runner: Runner
    size_px: int


def time_side_by_side(
    files: Mapping[str, Timed], *, rounds: int = ROUNDS, report: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, Speed]:
    """Every file's speed on one crop."""
    crops = {name: _noise(file.size_px) for name, file in files.items()}
    wall_ms: dict[str, list[float]] = {name: [] for name in files}
    cpu_ms: dict[str, list[float]] = {name: [] for name in files}
    for done in range(1, rounds + 1):
        for name, file in files.items():
            for _ in range(_WARM_UP):
                file.runner(crops[name])
            for _ in range(CALLS):
                start, began = time.perf_counter(), time.process_time()
                file.runner(crops[name])
                wall_ms[name].append(1000 * (time.perf_counter() - start))
                cpu_ms[name].append(1000 * (time.process_time() - began))
        report(done, rounds)
    return {name: _speed(wall_ms[name], cpu_ms[name]) for name in files}


def _speed(wall_ms: Sequence[float], cpu_ms: Sequence[float]) -> Speed:
    p50, p95, least = np.percentile(wall_ms, [50, 95, 0])
    return Speed(float(p50), float(p95), float(least), float(np.median(cpu_ms)))


def _noise(size_px: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, size_px, size_px, 3), dtype=np.uint8)


def bench_device(
    package: Package,
    threads: Sequence[int] = (1,),
    *,
    rounds: int = ROUNDS,
    beside: Mapping[str, Callable[[int], Runner]] | None = None,
    report: Callable[[str, int, int], None] = lambda name, done, of: None,
) -> dict[str, Any]:
    """The package's files, and whatever stands ``beside`` them, by name and given the threads; ready for JSON.

    Rows say which machine they are of, so that those of several can stand in one list, and what its arithmetic would
    allow in float32.
    """
    if not package.files:
        raise UserError(f"{package.folder} has no file that passed its gate; export the student again.")
    rows = []
    for count in threads:
        runners = {name: package.open(name, threads=count) for name in package.files}
        runners |= {name: make(count) for name, make in (beside or {}).items()}
        timed = {name: Timed(runner, package.size_px) for name, runner in runners.items()}
        limit_ms = 1000 * package.manifest["student"]["macs"] / macs_per_s(count)
        speeds = time_side_by_side(timed, rounds=rounds, report=lambda done, of: report("rounds", done, of))
        rows += [_row(package, name, count, speed) | {"limit_ms": limit_ms} for name, speed in speeds.items()]
    return {"machine": machine_name(), "rows": rows}


def _row(package: Package, name: str, threads: int, speed: Speed) -> dict[str, Any]:
    entry, student = package.files.get(name, {}), package.manifest["student"]
    return {
        "machine": machine_name(),
        **{key: student[key] for key in ("name", "weights", "macs")},
        "file": name,
        **{key: entry.get(key) for key in ("target", "precision", "bytes")},
        "threads": threads,
        **asdict(speed),
        "peak_mib": peak_mib(package.folder / name, threads) if entry else None,
    }


def machine_name() -> str:
    """Processor and system, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in _lines(cpuinfo) if line.startswith("model name")]
    return f"{models[0] if models else platform.processor() or platform.machine()}, {platform.system()}"


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.is_file() else []


def peak_mib(file: Path, threads: int) -> float | None:
    """Memory that opening and running a file adds at its peak, measured in a process of its own; None off Linux."""
    if not Path("/proc/self/status").is_file():
        return None
    command = [sys.executable, "-m", "facedistill.export.memory", str(file), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{file} could not be run to measure its memory: {done.stderr.strip().splitlines()[-1][:300]}")
    return float(done.stdout)
