"""What low resolution costs: a benchmark again and again, on ever coarser pictures.

The case of faces on surveillance cameras, 28 pixels wide and less. Pictures are shrunk by area and enlarged again
bilinearly, so that the network's input keeps its size: once the queries only, against a gallery as it is, and once
both.
"""

from collections.abc import Sequence

from ...data.degraded import Degraded
from ...errors import UserError
from ...protocols.contract import AbstractProtocol
from ..embeddings.embed import Embeddings, Report
from ..embeddings.source import AbstractSource
from ..settings import Figures, Settings

SIDES = ("query", "both")
"""Which pictures of a comparison are coarse."""


def resolution_figures(
    source: AbstractSource,
    whole: Embeddings,
    protocol: AbstractProtocol,
    resolutions_px: Sequence[int],
    settings: Settings,
    report: Report | None = None,
) -> dict[str, dict[str, Figures]]:
    """The benchmark's figures by side and resolution; a side that its rules do not know is left out.

    Args:
        whole: what ``source`` says of the pictures as they are.

    Raises:
        UserError: a resolution that is no pixel; as ``AbstractSource.embeddings``.
    """
    if min(resolutions_px) < 1:
        raise UserError(f"A resolution has at least one pixel; got {min(resolutions_px)}.")
    found: dict[str, dict[str, Figures]] = {side: {} for side in SIDES}
    for resolution_px in resolutions_px:
        coarse = source.embeddings(Degraded(protocol.faces, resolution_px), flip=settings.flip, report=report)
        found["both"][str(resolution_px)] = protocol.figures(coarse, settings)
        if (one_sided := protocol.between(coarse, whole, settings)) is not None:
            found["query"][str(resolution_px)] = one_sided
    return {side: figures for side, figures in found.items() if figures}
