"""What networks can do on the same people, with all that tables and pictures are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ..evaluate.benchmark import own_figures
from ..evaluate.embeddings.embed import Embeddings
from ..evaluate.embeddings.source import AbstractSource
from ..evaluate.pairs.det import Band, det_band
from ..evaluate.settings import Figures, Settings
from ..protocols.contract import PairScores
from .people import People

Report = Callable[[str, int, int], None]
"""Told what is done: the work's name, steps done, steps in all."""


@dataclass(frozen=True)
class Judged:
    """One network on the people of a report."""

    seen: Embeddings
    figures: Figures
    scores: PairScores
    band: Band | None
    """Of its DET; None where no point of it is supported."""


def judge(
    networks: Mapping[str, AbstractSource], people: People, settings: Settings, report: Report
) -> dict[str, Judged]:
    """Every network, by its name.

    Raises:
        UserError: an image that cannot be read, or people who form no pairs.
    """
    return {
        name: _judged(source, people, settings, partial(report, f"judging {name}")) for name, source in networks.items()
    }


def _judged(source: AbstractSource, people: People, settings: Settings, report: Callable[[int, int], None]) -> Judged:
    protocol = people.protocol
    seen = source.embeddings(people.faces, flip=settings.flip, report=report)
    figures = own_figures(protocol, seen, source, settings)
    scores = protocol.pair_scores(seen, settings)
    assert scores is not None, "folders have pairs"
    return Judged(seen, figures, scores, det_band(seen.unit, people.faces.labels, settings))
