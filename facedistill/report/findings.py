"""Everything that a report says, found once; pages and cards only tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..backbones.contract import AbstractBackbone
from ..backbones.load import load_backbone
from ..errors import UserError
from ..evaluate.beside.compare import difference_figures
from ..evaluate.embeddings.source import AbstractSource, NetworkSource
from ..evaluate.settings import Figures, Settings
from ..export.package import Package
from ..teachers.live import open_network
from .device import OnDevice, check_same, measure
from .fields import receptive_fields
from .judged import Judged, Report, judge
from .people import People
from .run import FinishedRun, name_of, teacher_of

TEACHER = "teacher"
REPLICATES = 500


@dataclass(frozen=True)
class Findings:
    """A run, judged."""

    run: FinishedRun
    network: AbstractBackbone
    """That of the run."""
    people: People
    settings: Settings
    judged: dict[str, Judged]
    """By the name of the network; that of the run is the first."""
    differences: dict[str, dict[str, Figures]]
    """What the run's network has more than each other one."""
    device: OnDevice | None
    fields: str | None
    notes: tuple[str, ...]
    """What is not shown, and why."""

    @property
    def own(self) -> Judged:
        """The run's network."""
        return self.judged[self.name]

    @property
    def name(self) -> str:
        """What the run's network is called in tables."""
        return next(iter(self.judged))

    @property
    def teacher(self) -> Judged | None:
        return self.judged.get(TEACHER)


@dataclass(frozen=True)
class Beside:
    """What a run is shown beside."""

    against: Path | None = None
    """Another run, safetensors or ONNX file."""
    package: Package | None = None
    """What was exported from it."""


def examine(
    run: FinishedRun, people: People, beside: Beside, report: Report, settings: Settings | None = None
) -> Findings:
    """Judge a run and all that it is shown beside.

    Raises:
        UserError: people who form no pairs, another model that cannot be opened, or a package of other weights.
    """
    settings = settings or Settings(fars=people.fars, replicates=REPLICATES)
    if beside.package is not None:
        check_same(beside.package, run)
    network = load_backbone(run.weights)
    networks, notes = _networks(run, network, beside.against)
    judged = judge(networks, people, settings, report)
    own, *others = judged
    differences = {
        other: difference_figures(people.protocol, judged[own].seen, judged[other].seen, settings) for other in others
    }
    device = None if beside.package is None else measure(beside.package, network, people, report)
    fields = receptive_fields(run.name, network, report)
    return Findings(run, network, people, settings, judged, differences, device, fields, tuple(notes))


def _networks(
    run: FinishedRun, network: AbstractBackbone, against: Path | None
) -> tuple[Mapping[str, AbstractSource], list[str]]:
    """The run's own first, then its teacher where it can be asked, then the other; and what had to be left out."""
    own = "student" if run.recipe.teacher is not None else "network"
    networks: dict[str, AbstractSource] = {own: NetworkSource(network)}
    notes: list[str] = []
    if run.recipe.teacher is not None:
        try:
            networks[TEACHER] = teacher_of(run)
        except UserError as error:
            notes.append(f"The teacher is not shown: {error}")
    if against is not None:
        networks[name_of(against)] = NetworkSource(open_network(against))
    return networks, notes
