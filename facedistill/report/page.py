"""The page of a run, from what was found."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..config import dump_recipe
from ..evaluate.report.table import remarks
from ..page.render import render
from . import about, drawings, tables
from .curves import curves
from .faces import blurred_face, shown_face
from .findings import TEACHER, Findings
from .pairs import Pair, Sample, cosines, hardest_genuine, hardest_impostors, sample_pairs

HARDEST = 6
"""Pairs of each kind."""

_NOT_SHOWN = ("accuracy_exact", "fold_tar_at_far")
"""Figures of which a report says nothing, nor how they were made."""


@dataclass(frozen=True)
class Tile:
    """The few numbers that a reader looks for first."""

    said: str
    value: str
    span: str


@dataclass(frozen=True)
class Shown:
    """A pair with its pictures, as data addresses."""

    images: tuple[str, str]
    title: str
    similarities: list[str]
    """Of every network."""


def page(findings: Findings, *, command: Sequence[str], show_faces: bool = False) -> str:
    """One HTML file.

    Args:
        command: that made it.
        show_faces: show those of a real folder, and their names, too; drawn ones show nobody and always are shown.
    """
    shown = show_faces or findings.people.drawn
    return render(
        __package__,
        "report.html",
        findings=findings,
        tiles=list(_tiles(findings)),
        trained=list(about.trained(findings.run, findings.network)),
        environment=list(about.environment(findings.run)),
        recipe=dump_recipe(findings.run.recipe),
        curves=curves(findings.run.log),
        figures=tables.figures(findings),
        det=drawings.det(findings.judged),
        histograms={name: drawings.histogram(name, judged.scores) for name, judged in findings.judged.items()},
        beside=_beside_teacher(findings),
        hardest={
            "Genuine pairs that it finds least alike": list(_pairs(findings, _genuine(findings), shown)),
            "Impostor pairs that it finds most alike": list(_pairs(findings, _impostors(findings), shown)),
        },
        threshold=next(iter(findings.own.figures["tar_at_far"].values())),
        shown=shown,
        groups=tables.groups(findings),
        files=None if findings.device is None else tables.files(findings.device),
        drift=_drift(findings),
        again=about.again(findings.run),
        command=shlex.join(command),
        rules=list(_rules(findings)),
    )


def _tiles(findings: Findings) -> Iterator[Tile]:
    far = next(iter(findings.own.figures["tar_at_far"]))
    for name, judged in findings.judged.items():
        point = judged.figures["tar_at_far"][far]
        said = f"TAR at FAR {100 * float(far):g} %, {name}"
        yield Tile(said, f"{tables.percent(point['tar'], 1)} %", tables.span(point["tar_interval"], "", 1))
    network = findings.network
    size = f"{network.preprocess.size_px} px, {network.spec.embedding} wide"
    yield Tile("weights", f"{sum(weight.numel() for weight in network.parameters()) / 1e6:.2f} M", size)
    if findings.device is not None and findings.device.files:
        name, fastest = min(findings.device.files.items(), key=lambda item: item[1].speed.p50_ms)
        yield Tile("a crop, one thread", f"{fastest.speed.p50_ms:.2f} ms", name)


@dataclass(frozen=True)
class Beside:
    """How alike student and teacher judge."""

    picture: str
    sentence: str


def _beside_teacher(findings: Findings) -> Beside | None:
    if findings.teacher is None:
        return None
    pairs = sample_pairs(findings.people.faces.labels)
    own, wanted = cosines(findings.own.seen.unit, pairs), cosines(findings.teacher.seen.unit, pairs)
    picture = drawings.scatter(pairs, (findings.name, own), (TEACHER, wanted))
    return Beside(picture, _correlations(pairs, own, wanted))


def _correlations(pairs: Sample, own: np.ndarray, wanted: np.ndarray) -> str:
    def correlation(chosen: np.ndarray) -> str:
        return f"{np.corrcoef(own[chosen], wanted[chosen])[0, 1]:.2f}"

    everything = np.ones_like(pairs.same)
    return (
        f"{len(pairs.same):,} random pairs, as many genuine as impostor. Correlation of the two similarities: "
        f"{correlation(everything)} over all, {correlation(pairs.same)} among genuine, {correlation(~pairs.same)} "
        "among impostor pairs."
    )


def _genuine(findings: Findings) -> list[Pair]:
    return hardest_genuine(findings.own.seen.unit, findings.people.faces.labels, HARDEST)


def _impostors(findings: Findings) -> list[Pair]:
    return hardest_impostors(findings.own.seen.unit, findings.people.faces.labels, HARDEST)


def _pairs(findings: Findings, pairs: Sequence[Pair], shown: bool) -> Iterator[Shown]:
    faces, picture = findings.people.faces, shown_face if shown else blurred_face
    for pair in pairs:
        first, second = (picture(faces.image(number)) for number in (pair.first, pair.second))
        names = (faces.name(number) if shown else f"image {number}" for number in (pair.first, pair.second))
        told = [
            f"{name}: {judged.seen.unit[pair.first] @ judged.seen.unit[pair.second]:.2f}"
            for name, judged in findings.judged.items()
        ]
        yield Shown((first, second), " and ".join(names), told)


def _drift(findings: Findings) -> str | None:
    device = findings.device
    moved = {} if device is None else {name: file.cosines for name, file in device.files.items()}
    return drawings.drift(moved) if moved else None


def _rules(findings: Findings) -> Iterator[str]:
    stated = remarks({name: judged.figures for name, judged in findings.judged.items()})
    yield from (rule for rule in stated if not rule.startswith(_NOT_SHOWN))
    yield "DET: the band is the 95 % interval at each false-match rate, of the same bootstrap, 200 replicates at most"
    if TEACHER in findings.judged:
        yield "teacher: as it came, without prompts or anything else that it learned in this run"
    yield from findings.notes
