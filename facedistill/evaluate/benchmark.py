"""A network's figures on benchmarks, each with its protocol printed beside it."""

from collections.abc import Callable, Mapping

from ..backbones.contract import AbstractBackbone
from ..protocols.contract import AbstractProtocol
from .asymmetric import asymmetric_figures
from .embed import Embedder, Report, embed
from .figures import Figures, Settings

Network = AbstractBackbone | Embedder

SetReport = Callable[[str, int, int], None]
"""Told which set is being embedded, how many images are done, and of how many."""


def evaluate(
    network: Network,
    benchmarks: Mapping[str, AbstractProtocol],
    *,
    settings: Settings | None = None,
    gallery: Network | None = None,
    batch: int = 128,
    report: SetReport | None = None,
) -> dict[str, Figures]:
    """Figures for every benchmark, by the name given to it.

    With ``gallery``, a teacher in the same space, the networks are also judged against each other.

    Raises:
        UserError: an image that cannot be read; networks whose widths differ.
    """
    return {
        name: judge(network, protocol, settings=settings, gallery=gallery, batch=batch, report=_named(report, name))
        for name, protocol in benchmarks.items()
    }


def judge(
    network: Network,
    protocol: AbstractProtocol,
    *,
    settings: Settings | None = None,
    gallery: Network | None = None,
    batch: int = 128,
    report: Report | None = None,
) -> Figures:
    """Figures for one benchmark; as ``evaluate``."""
    settings = settings or Settings()
    seen = embed(network, protocol.faces, flip=settings.flip, batch=batch, report=report)
    figures = protocol.figures(seen, settings)
    if gallery is not None:
        enrolled = embed(gallery, protocol.faces, flip=settings.flip, batch=batch, report=report)
        figures["asymmetric"] = asymmetric_figures(protocol, seen, enrolled, settings)
    return figures


def _named(report: SetReport | None, name: str) -> Report | None:
    return None if report is None else lambda done, total: report(name, done, total)
