"""What is to be handed on: a run with what was exported from it, or a package alone."""

from dataclasses import dataclass
from pathlib import Path

from ..backbones.contract import AbstractBackbone
from ..backbones.load import load_backbone
from ..errors import UserError
from ..evaluate.embeddings.source import NetworkSource
from ..evaluate.settings import Settings
from ..export.package import MANIFEST, Package, open_package
from ..report.device import check_same
from ..report.findings import REPLICATES, Findings
from ..report.judged import Judged, Report, judge
from ..report.people import People
from ..report.run import FinishedRun, open_run
from ..teachers.onnx import OnnxNetwork

EXPORT = "export"
"""Where a run keeps its package, and the layout too."""


@dataclass(frozen=True)
class Handed:
    """A network, and all that is known of it."""

    name: str
    network: AbstractBackbone
    run: FinishedRun | None
    package: Package | None


@dataclass(frozen=True)
class Facts:
    """The same, judged."""

    handed: Handed
    people: People
    judged: Judged


def open_handed(path: Path, package: Path | None = None) -> Handed:
    """The run or the package in a folder.

    Args:
        package: what was exported from the run; by default the one in the run folder, where there is one.

    Raises:
        UserError: neither, a package of other weights or with a file that missed its gate.
    """
    if (path / MANIFEST).is_file():
        opened = _whole(open_package(path))
        return Handed(opened.manifest["student"]["name"], _onnx(opened), None, opened)
    run = open_run(path)
    if package is None and (run.folder / EXPORT / MANIFEST).is_file():
        package = run.folder / EXPORT
    exported = None if package is None else _whole(open_package(package))
    if exported is not None:
        check_same(exported, run)
    return Handed(run.folder.absolute().name, load_backbone(run.weights), run, exported)


def _whole(package: Package) -> Package:
    for name, why in package.unproven.items():
        raise UserError(f"{package.folder / name} is not proven and not handed on: {why}; or export without it.")
    missed = [name for name, entry in package.manifest["exports"].items() if not entry["accepted"]]
    if missed:
        raise UserError(
            f"{package.folder / missed[0]} missed its gate and is not handed on; export again without that precision."
        )
    return package


def _onnx(package: Package) -> OnnxNetwork:
    name = next((name for name in package.files if name.endswith(".onnx")), None)
    if name is None:
        raise UserError(f"{package.folder} has no ONNX file to be judged by; export one, or give the run.")
    return OnnxNetwork(package.folder / name)


def judged(handed: Handed, people: People, report: Report, settings: Settings | None = None) -> Facts:
    """What the network can do."""
    settings = settings or Settings(fars=people.fars, replicates=REPLICATES)
    seen = judge({handed.name: NetworkSource(handed.network)}, people, settings, report)
    return Facts(handed, people, seen[handed.name])


def facts_of(findings: Findings, package: Package | None) -> Facts:
    """What a report has found already."""
    handed = Handed(findings.run.folder.absolute().name, findings.network, findings.run, package)
    return Facts(handed, findings.people, findings.own)
