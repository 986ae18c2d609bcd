"""What finished networks can do on people whom none has seen, drawn again in every replicate of the bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from ..backbones.load import load_backbone, weights_file
from ..config import call
from ..data.pairs import FOLDS
from ..data.synthetic import DrawnFaces
from ..data.verified import Verified
from ..errors import UserError
from ..evaluate.embeddings.cache import CachedSource, data_digest
from ..evaluate.embeddings.embed import Report
from ..evaluate.embeddings.source import NetworkSource
from ..evaluate.intervals.bootstrap import Replicates, replicate
from ..evaluate.intervals.measure import Measure
from ..evaluate.pairs.listed import listed_pairs
from ..evaluate.settings import Settings
from ..files import file_digest
from ..progress import Display, Reporter
from ..protocols import open_protocol
from ..protocols.contract import AbstractProtocol
from ..protocols.verification import Verification
from .file import Judging
from .plan import Plan

DRAWN = "drawn"
"""Name of the benchmark that is drawn."""


@dataclass(frozen=True)
class Judged:
    """One network's figures, of all benchmarks one after the other."""

    names: tuple[str, ...]
    replicates: Replicates


class Judge:
    """The benchmarks of a comparison, opened; embeddings of them are kept in ``folder`` and nowhere else."""

    def __init__(self, benchmarks: Mapping[str, AbstractProtocol], settings: Settings, folder: Path) -> None:
        self._benchmarks, self._settings, self._folder = benchmarks, settings, folder
        self._of_data = cache(data_digest)

    def __call__(self, runs: Mapping[str, Path], device: torch.device) -> dict[str, Judged]:
        """Figures of every run folder, by the name given to it.

        Raises:
            UserError: an image that cannot be read, a benchmark whose figures cannot be paired.
        """
        with Reporter() as report:
            return {name: self._judged(name, run, device, report) for name, run in runs.items()}

    def _judged(self, name: str, run: Path, device: torch.device, report: Reporter) -> Judged:
        network = NetworkSource(load_backbone(run).to(device))
        source = CachedSource(network, file_digest(weights_file(run)), self._folder, self._of_data)
        measures = {
            title: self._measure(title, protocol, source, lambda done, of: report(f"judging {name}", done, of))
            for title, protocol in self._benchmarks.items()
        }
        names = [
            f"{title}: {figure}" if len(measures) > 1 else figure
            for title, measure in measures.items()
            for figure in measure.names
        ]
        return Judged(tuple(names), _side_by_side([self._replicated(measure) for measure in measures.values()]))

    def _measure(self, title: str, protocol: AbstractProtocol, source: CachedSource, report: Report) -> Measure:
        seen = source.embeddings(protocol.faces, flip=self._settings.flip, report=report)
        measure = protocol.measure(seen, self._settings)
        if measure is None:
            raise _unpaired(title)
        return measure

    def _replicated(self, measure: Measure) -> Replicates:
        settings = self._settings
        return replicate(measure.statistic, measure.units, replicates=settings.replicates, seed=settings.seed)


def settings_of(judging: Judging) -> Settings:
    """What ``judge`` of a comparison says, as every evaluation takes it."""
    return Settings(flip=judging.flip, fars=judging.fars, replicates=judging.replicates)


def open_benchmarks(judging: Judging, planned: Plan) -> dict[str, AbstractProtocol]:
    """Every benchmark that a comparison names, opened before anything trains.

    Raises:
        UserError: what a benchmark says of its files; drawn people who are those of a training; one whose figures
            cannot be paired.
    """
    benchmarks = {name: open_protocol(path) for name, path in judging.benchmarks.items()}
    for name, protocol in benchmarks.items():
        if type(protocol).measure is AbstractProtocol.measure:
            raise _unpaired(name)
    if judging.drawn is None:
        return benchmarks
    if DRAWN in benchmarks:
        raise UserError(f"'judge.benchmarks' has one called '{DRAWN}', which 'judge.drawn' is; call it otherwise.")
    return {DRAWN: _strangers(judging, planned), **benchmarks}


def _strangers(judging: Judging, planned: Plan) -> Verification:
    options = {**(planned.base.data.drawn or {}), **(judging.drawn or {})}
    faces = call(DrawnFaces, options, where="judge.drawn")
    for run in (planned.base, *(run.recipe for run in planned.runs)):
        if run.data.drawn is not None and run.data.drawn["seed"] == faces.seed:
            raise UserError(f"'judge.drawn' has the seed {faces.seed} of the trainings and would show the same people.")
    if len(faces.identities) < 2 * FOLDS or faces.images_per_identity < 2:
        raise UserError(
            f"'judge.drawn' has {len(faces.identities)} people with {faces.images_per_identity} images; ten folds of "
            f"pairs need {2 * FOLDS} people with 2 images or more."
        )
    with Display(len(faces), title="drawing strangers") as display:
        shown = Verified(faces, progress=display.advance)
    return Verification(shown, listed_pairs(shown.labels))


def _side_by_side(parts: list[Replicates]) -> Replicates:
    everyone, drawn = [part.everyone for part in parts], [part.drawn for part in parts]
    return Replicates(np.concatenate(everyone), np.concatenate(drawn, axis=1))


def _unpaired(name: str) -> UserError:
    return UserError(f"The figures of benchmark '{name}' cannot be paired; leave it out of 'judge.benchmarks'.")
