"""The figures of a report, as SVG."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..evaluate.report.pictures import draw_det, draw_histogram
from ..page.figures import GENUINE, IMPOSTOR, draw_svg
from ..protocols.contract import PairScores
from .judged import Judged
from .pairs import Sample

SIZE_IN = (4.0, 3.0)
"""Letters stay readable on a phone, and do not shout on a desk."""

_DOT = 3.0


def det(judged: Mapping[str, Judged]) -> str:
    """FNMR over FMR of every network, with intervals."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "false matches (FMR)", "missed matches (FNMR)")
        bands = {name: each.band for name, each in judged.items() if each.band is not None}
        draw_det(axes, {name: each.scores for name, each in judged.items()}, bands)
        axes.set_ylim(top=1.05)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.legend(loc="lower left")

    return draw_svg(
        f"DET of {', '.join(judged)}: missed matches over false matches, with 95 % intervals", SIZE_IN, draw
    )


def histogram(name: str, scores: PairScores) -> str:
    """Density of genuine and impostor similarities of one network."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "similarity (cosine)", "density")
        draw_histogram(axes, scores, " pairs", (GENUINE, IMPOSTOR))
        axes.legend(loc="upper left")

    return draw_svg(f"Histogram of genuine and impostor similarities, {name}", SIZE_IN, draw)


def scatter(
    pairs: Sample,
    student: tuple[str, Float[np.ndarray, " P"]],
    teacher: tuple[str, Float[np.ndarray, " P"]],
) -> str:
    """How alike two networks find the same pairs; each by its name."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, f"similarity, {teacher[0]}", f"similarity, {student[0]}")
        for same, label, colour in ((False, "impostor pairs", IMPOSTOR), (True, "genuine pairs", GENUINE)):
            of_kind = pairs.same == same
            points = teacher[1][of_kind], student[1][of_kind]
            # Thousands of points as vectors would be most of the page.
            axes.plot(*points, ".", ms=_DOT, mew=0, alpha=0.45, color=colour, label=label, rasterized=True)
        ends = np.array([min(axes.get_xlim()[0], axes.get_ylim()[0]), 1.0])
        axes.plot(ends, ends, color="0.5", linewidth=0.8, linestyle="-", label="as alike")
        axes.legend(loc="upper left", markerscale=3)
        figure.set_dpi(200)

    return draw_svg(f"Similarity of pairs by {student[0]} over that by {teacher[0]}", (SIZE_IN[0], 3.6), draw)


def drift(cosines: Mapping[str, Float[np.ndarray, " N"]]) -> str:
    """Which share of the crops a file moves further than so much; by the name of the file."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "cosine to the PyTorch network lower than", "share of the crops")
        for name, values in cosines.items():
            axes.step(np.sort(values), np.arange(1, len(values) + 1) / len(values), where="post", label=name)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.legend(loc="upper left")

    return draw_svg(f"How far embeddings move in {', '.join(cosines)}", SIZE_IN, draw)


def _axes(figure: Figure, x: str, y: str) -> Axes:
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.15)
    return axes
