"""The table of a comparison: figures with intervals, the verdict against the reference, places and costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

from ..evaluate.intervals.bootstrap import Difference, Replicates, alone, difference
from ..evaluate.intervals.ranks import Standing, standings
from ..train.resume import result_of
from .judge import Judged
from .plan import Group
from .runs import training_epochs


@dataclass(frozen=True)
class Finished:
    """A run to be shown in the table."""

    group: Group
    seed: int
    folder: Path
    note: str = ""
    """What is unlike the others, where it was joined all the same."""


@dataclass(frozen=True)
class Failed:
    """A run that did not finish."""

    group: Group
    seed: int
    reason: str


@dataclass(frozen=True)
class Gain:
    """What a row has more than the reference, with its paired 95 % interval."""

    mean: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class Cell:
    """One figure of one row; shares, 95 % interval."""

    value: float
    low: float
    high: float
    gain: Gain | None
    """None for the reference itself, and where it has not finished."""
    first: float
    """Share of the replicates in which no row of the same student was above this one."""
    best_rank: int
    worst_rank: int
    """95 % of the replicates lie between, among the rows of the same student."""


@dataclass(frozen=True)
class Line:
    """One row, of one student and one teacher, over its seeds."""

    group: Group
    seeds: tuple[int, ...]
    """That finished."""
    failed: dict[int, str]
    """Reasons by seed."""
    warnings: dict[int, str]
    """What is wrong with the embeddings, by seed."""
    notes: tuple[str, ...]
    images_per_s: float | None
    training_s: float | None
    """Mean over seeds, as each run measured it."""
    cells: dict[str, Cell] = field(default_factory=dict)
    """By figure; empty where no seed finished."""


def lines(
    finished: Sequence[Finished], failed: Sequence[Failed], judged: Mapping[Path, Judged], reference: str
) -> list[Line]:
    """Every row, in the order in which groups first occur.

    Args:
        judged: of every finished run, by its folder; drawn with one seed.
        reference: the row that others of the same student are compared with.
    """
    groups = list(dict.fromkeys([*(run.group for run in finished), *(run.group for run in failed)]))
    runs = {group: [run for run in finished if run.group == group] for group in groups}
    models = {
        group: [judged[run.folder].replicates for run in of_group] for group, of_group in runs.items() if of_group
    }
    places = _places(models)
    names = next(iter(judged.values())).names if judged else ()
    return [
        _line(
            group,
            runs[group],
            {run.seed: run.reason for run in failed if run.group == group},
            {run.seed: "; ".join(said) for run in runs[group] if (said := judged[run.folder].warnings)},
            _cells(group, models, places, names, reference) if group in models else {},
        )
        for group in groups
    ]


def _line(
    group: Group, runs: Sequence[Finished], failed: dict[int, str], warnings: dict[int, str], cells: dict[str, Cell]
) -> Line:
    seconds = [cost for run in runs if (cost := training_s(run.folder)) is not None]
    speeds = [speed for run in runs if (speed := images_per_s(run.folder)) is not None]
    return Line(
        group,
        tuple(run.seed for run in runs),
        failed,
        warnings,
        tuple(dict.fromkeys(run.note for run in runs if run.note)),
        mean(speeds) if speeds else None,
        mean(seconds) if seconds else None,
        cells,
    )


def _cells(
    group: Group,
    models: Mapping[Group, list[Replicates]],
    places: Mapping[Group, Standing],
    names: Iterable[str],
    reference: str,
) -> dict[str, Cell]:
    own, place = alone(models[group]), places[group]
    other = reference_of(group, models, reference)
    gain = None if other is None else difference(models[other], models[group])
    return {
        name: Cell(
            float(own.mean[number]),
            float(own.low[number]),
            float(own.high[number]),
            None if gain is None else _gain(gain, number),
            float(place.first[number]),
            int(place.best[number]),
            int(place.worst[number]),
        )
        for number, name in enumerate(names)
    }


def _gain(gain: Difference, number: int) -> Gain:
    return Gain(float(gain.mean[number]), float(gain.low[number]), float(gain.high[number]), gain.verdicts[number])


def reference_of(group: Group, known: Iterable[Group], reference: str) -> Group | None:
    """The group to compare with: the reference row of the same student, of the same teacher where it has that one."""
    same = [other for other in known if other.row == reference and other.student == group.student]
    if group in same:
        return None
    return next((other for other in same if other.teacher == group.teacher), next(iter(same), None))


def _places(models: Mapping[Group, list[Replicates]]) -> dict[Group, Standing]:
    """Places among the rows of one student."""
    found: dict[Group, Standing] = {}
    for student in dict.fromkeys(group.student for group in models):
        peers = [group for group in models if group.student == student]
        found |= dict(zip(peers, standings([models[group] for group in peers]), strict=True))
    return found


def training_s(folder: Path) -> float | None:
    """Seconds that a run trained, over all its sessions."""
    result = result_of(folder)
    return None if result is None else float(result["training_s"])


def images_per_s(folder: Path) -> float | None:
    """Images a second of a run: the median over its epochs, since the first warms up."""
    speeds = [epoch["images_per_s"] for epoch in training_epochs(folder)]
    return median(speeds) if speeds else None
