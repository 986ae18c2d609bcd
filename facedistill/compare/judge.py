"""What finished networks can do on people whom none has seen, drawn again in every replicate of the bootstrap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from ..backbones.contract import AbstractBackbone
from ..backbones.load import load_backbone, weights_file
from ..data.contract import AbstractFaces
from ..data.degraded import Degraded
from ..evaluate.beside.asymmetric import check_widths
from ..evaluate.embeddings.cache import CachedSource, data_digest
from ..evaluate.embeddings.embed import Embeddings, Report
from ..evaluate.embeddings.lengths import odd_lengths
from ..evaluate.embeddings.source import NetworkSource
from ..evaluate.intervals.bootstrap import Replicates, replicate
from ..evaluate.intervals.measure import Measure
from ..evaluate.settings import Settings
from ..files import file_digest
from ..progress import Reporter
from ..protocols.contract import AbstractProtocol
from .benchmarks import unpaired
from .file import Judging
from .gallery import Gallery


@dataclass(frozen=True)
class Judged:
    """One network's figures, of all benchmarks one after the other."""

    names: tuple[str, ...]
    replicates: Replicates
    warnings: tuple[str, ...] = ()
    """What is wrong with its embeddings, where something is."""


@dataclass(frozen=True)
class Sides:
    """What queries are judged beside the benchmark's own figures."""

    gallery: Gallery | None = None
    """A teacher's, for every network alike."""
    resolutions_px: tuple[int, ...] = ()
    """Of queries against the same network's gallery of whole pictures."""


class Judge:
    """The benchmarks of a comparison, opened; embeddings of them are kept in ``folder`` and nowhere else."""

    def __init__(
        self, benchmarks: Mapping[str, AbstractProtocol], settings: Settings, folder: Path, sides: Sides | None = None
    ) -> None:
        self._benchmarks, self._settings, self._folder, self._sides = benchmarks, settings, folder, sides or Sides()
        self._coarse = {
            title: {px: Degraded(protocol.faces, px) for px in self._sides.resolutions_px}
            for title, protocol in benchmarks.items()
        }
        self._of_data = cache(data_digest)

    def __call__(self, runs: Mapping[str, Path], device: torch.device) -> dict[str, Judged]:
        """Figures of every run folder, by the name given to it.

        Raises:
            UserError: an image that cannot be read, a benchmark whose figures cannot be paired.
        """
        gallery = self._sides.gallery
        enrolled = None
        if gallery is not None and gallery.file.is_file():  # its training may have failed
            enrolled = self._source(gallery.network().to(device), gallery.file)
        judged = {}
        with Reporter() as report:
            for name, run in runs.items():
                source = self._source(load_backbone(run).to(device), weights_file(run))
                judged[name] = self._judged(source, enrolled, partial(report, f"judging {name}"))
        return judged

    def _source(self, network: AbstractBackbone, file: Path) -> CachedSource:
        return CachedSource(NetworkSource(network), file_digest(file), self._folder, self._of_data)

    def _judged(self, source: CachedSource, enrolled: CachedSource | None, report: Report) -> Judged:
        def seen(source: CachedSource, faces: AbstractFaces) -> Embeddings:
            return source.embeddings(faces, flip=self._settings.flip, report=report)

        measures: list[Measure] = []
        warnings: list[str] = []
        for title, protocol in self._benchmarks.items():
            whole = seen(source, protocol.faces)
            warnings += [f"{title}: {odd}" for odd in odd_lengths(whole)]
            gallery = None if enrolled is None else seen(enrolled, protocol.faces)
            coarse = {px: seen(source, faces) for px, faces in self._coarse[title].items()}
            for side, measure in self._measures(title, whole, gallery, coarse):
                names = tuple(self._said(title, figure, side) for figure in measure.names)
                measures.append(replace(measure, names=names))
        names = tuple(name for measure in measures for name in measure.names)
        return Judged(names, _side_by_side([self._replicated(measure) for measure in measures]), tuple(warnings))

    def _measures(
        self, title: str, whole: Embeddings, gallery: Embeddings | None, coarse: Mapping[int, Embeddings]
    ) -> Iterator[tuple[str, Measure]]:
        """The benchmark's own figures and, at the first FAR, those of every side, with what it is called."""
        protocol, settings = self._benchmarks[title], self._settings
        beside = replace(settings, fars=settings.fars[:1])
        yield "", _given(title, protocol.measure(whole, settings))
        if gallery is not None:
            check_widths(whole, gallery)
            yield "teacher's gallery", _given(title, protocol.measure_between(whole, gallery, beside))
        for px, queries in coarse.items():
            yield f"query at {px} px", _given(title, protocol.measure_between(queries, whole, beside))

    def _said(self, title: str, figure: str, side: str) -> str:
        """A figure's name in the table; of its benchmark only where there are several."""
        name = f"{figure}, {side}" if side else figure
        return f"{title}: {name}" if len(self._benchmarks) > 1 else name

    def _replicated(self, measure: Measure) -> Replicates:
        settings = self._settings
        return replicate(measure.statistic, measure.units, replicates=settings.replicates, seed=settings.seed)


def settings_of(judging: Judging) -> Settings:
    """What ``judge`` of a comparison says, as every evaluation takes it."""
    return Settings(flip=judging.flip, fars=judging.fars, replicates=judging.replicates)


def _side_by_side(parts: list[Replicates]) -> Replicates:
    everyone, drawn = [part.everyone for part in parts], [part.drawn for part in parts]
    return Replicates(np.concatenate(everyone), np.concatenate(drawn, axis=1))


def _given(title: str, measure: Measure | None) -> Measure:
    if measure is None:
        raise unpaired(title)
    return measure
