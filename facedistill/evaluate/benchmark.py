"""A model's figures on benchmarks, each with its protocol printed beside it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ..backbones.contract import AbstractBackbone
from ..protocols.contract import AbstractProtocol, PairScores
from .beside.asymmetric import asymmetric_figures
from .beside.compare import difference_figures
from .beside.resolution import resolution_figures
from .embeddings.embed import Embedder, Embeddings, Report
from .embeddings.lengths import odd_lengths
from .embeddings.source import AbstractSource, NetworkSource
from .settings import Figures, Settings

Model = AbstractBackbone | Embedder | AbstractSource

SetReport = Callable[[str, int, int], None]
"""Told which set is being embedded, how many images are done, and of how many."""


class Scores:
    """Collects what pictures are drawn from: of which set, by which model."""

    def __init__(self) -> None:
        self.by_set: dict[str, dict[str, PairScores]] = defaultdict(dict)

    def __call__(self, name: str, who: str, scores: PairScores) -> None:
        self.by_set[name][who] = scores


@dataclass(frozen=True)
class Beside:
    """What a model is judged beside its own figures, where it is."""

    gallery: Model | None = None
    """A teacher in the same space: each network's queries against the other's gallery."""
    against: Model | None = None
    """Another model, for paired differences."""
    resolutions_px: Sequence[int] = ()
    """Ever coarser pictures."""


def evaluate(
    model: Model,
    benchmarks: Mapping[str, AbstractProtocol],
    *,
    settings: Settings | None = None,
    beside: Beside | None = None,
    report: SetReport | None = None,
    scores: Scores | None = None,
) -> dict[str, Figures]:
    """Figures for every benchmark, by the name given to it.

    Raises:
        UserError: an image that cannot be read; networks whose widths differ; a benchmark whose rules do not know
            what is asked for in ``beside``.
    """
    return {
        name: judge(
            model, protocol, settings=settings, beside=beside, report=_for(report, name), scores=_for(scores, name)
        )
        for name, protocol in benchmarks.items()
    }


def judge(
    model: Model,
    protocol: AbstractProtocol,
    *,
    settings: Settings | None = None,
    beside: Beside | None = None,
    report: Report | None = None,
    scores: Callable[[str, PairScores], None] | None = None,
) -> Figures:
    """Figures for one benchmark; as ``evaluate``."""
    settings, beside, source = settings or Settings(), beside or Beside(), source_of(model)

    def embedded(other: Model) -> Embeddings:
        return source_of(other).embeddings(protocol.faces, flip=settings.flip, report=report)

    def draw(seen: Embeddings, who: str) -> None:
        if scores is not None and (drawn := protocol.pair_scores(seen, settings)) is not None:
            scores(who, drawn)

    seen = embedded(source)
    figures = own_figures(protocol, seen, source, settings)
    draw(seen, "model")
    if beside.gallery is not None:
        figures["asymmetric"] = asymmetric_figures(protocol, seen, embedded(beside.gallery), settings)
    if beside.against is not None:
        other = embedded(beside.against)
        draw(other, "the other model")
        figures["against"] = protocol.figures(other, settings)
        figures["difference"] = difference_figures(protocol, seen, other, settings)
    if beside.resolutions_px:
        sweep = resolution_figures(source, seen, protocol, beside.resolutions_px, settings, report)
        figures["resolution"] = sweep
    return figures


def own_figures(protocol: AbstractProtocol, seen: Embeddings, source: AbstractSource, settings: Settings) -> Figures:
    """A benchmark's figures of what ``source`` answered, with its rules and what is wrong with the answers."""
    figures = protocol.figures(seen, settings)
    return figures | {"protocol": figures["protocol"] | source.rules, "warnings": odd_lengths(seen)}


def source_of(model: Model) -> AbstractSource:
    """Where a model's embeddings come from."""
    return model if isinstance(model, AbstractSource) else NetworkSource(model)


def _for(report: Callable[..., None] | None, name: str) -> Callable[..., None] | None:
    return None if report is None else partial(report, name)
