"""What an export package costs on this machine, and how far its files are from the network, on a report's people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ..backbones.contract import AbstractBackbone
from ..errors import UserError
from ..evaluate.embeddings.unit import unit_rows
from ..export.bench import Speed, Timed, machine_name, time_side_by_side
from ..export.contract import Runner
from ..export.package import Package
from ..export.parity import LEAST_CROPS, Crops, Parity, compare, see
from ..files import file_digest
from .judged import Report
from .people import People
from .run import FinishedRun

_ROUNDS = 8
"""Turns of every file; `bench device` takes more time."""


@dataclass(frozen=True)
class Exported:
    """One file of a package."""

    entry: Mapping[str, Any]
    """What the manifest says of it."""
    speed: Speed
    parity: Parity
    cosines: Float[np.ndarray, " N"]
    """Of each crop's embedding to the network's."""
    threshold: Mapping[str, Any] | None
    """As `calibrate` found it."""


@dataclass(frozen=True)
class OnDevice:
    """A package on this machine."""

    machine: str
    macs: int
    crops: int
    files: dict[str, Exported]
    rejected: dict[str, list[str]]
    """What missed its gate, and by what."""
    unproven: dict[str, str]
    """What nothing has run, and why."""


def check_same(package: Package, run: FinishedRun) -> None:
    """Refuse a package that was made of other weights.

    Raises:
        UserError: it was.
    """
    if package.manifest["student"]["sha256"] != file_digest(run.weights):
        raise UserError(f"{package.folder} was exported from other weights than {run.weights}; export this run.")


def measure(package: Package, network: AbstractBackbone, people: People, report: Report) -> OnDevice:
    """Every file of the package, side by side and beside the network."""
    crops = see(network, people.faces, min(LEAST_CROPS, len(people.faces)))
    runners = {name: package.open(name) for name in package.files}
    timed = {name: Timed(runner, package.size_px) for name, runner in runners.items()}
    speeds = time_side_by_side(timed, rounds=_ROUNDS, report=lambda done, of: report("timing files", done, of))
    files = {
        name: Exported(package.files[name], speeds[name], *_parity(crops, runner), package.thresholds.get(name))
        for name, runner in runners.items()
    }
    macs = package.manifest["student"]["macs"]
    return OnDevice(machine_name(), macs, len(crops.pixels), files, package.rejected, package.unproven)


def _parity(crops: Crops, runner: Runner) -> tuple[Parity, Float[np.ndarray, " N"]]:
    """Everything that has changed, and the cosine of each crop."""
    given = runner(crops.pixels)
    wanted, moved = (unit_rows(rows.astype(np.float64)) for rows in (crops.wanted, given))
    return compare(crops, lambda _: given), (wanted * moved).sum(axis=1)
