"""Figures as PNG: ROC, DET, the histogram of scores, and what low resolution costs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...protocols.contract import AbstractProtocol, PairScores, Row
from ..pairs.det import Band
from ..pairs.roc import SUPPORTING_ERRORS
from ..settings import Figures

_POINTS = 2000
"""Of a curve; more than a picture has pixels."""


def curve(scores: PairScores) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """FAR and TAR, both ascending: at every threshold that is an impostor's score, thinned evenly in log FAR."""
    order = np.argsort(-scores.impostor, kind="stable")
    impostor, stands_for = scores.impostor[order], _stands_for(scores)[order]
    far = np.cumsum(stands_for) / stands_for.sum()
    chosen = np.unique(np.searchsorted(far, np.geomspace(far[0], 1, _POINTS), side="left").clip(max=len(far) - 1))
    # Accepted is what lies above the next impostor's score, which lets this one and those before it in.
    threshold = np.append(impostor, -np.inf)[chosen + 1]
    rejected = np.searchsorted(np.sort(scores.genuine), threshold, side="right")
    return far[chosen], 1 - rejected / len(scores.genuine)


def save_roc(file: Path, title: str, models: Mapping[str, PairScores]) -> None:
    """TAR over FAR, FAR logarithmic."""
    figure, axes = _axes(title, "FAR", "TAR")
    for name, scores in models.items():
        axes.step(*curve(scores), where="post", label=name)
    axes.set(xscale="log", ylim=(0, 1.01))
    _shade_unsupported(axes, models)
    _save(figure, axes, file)


def save_det(file: Path, title: str, models: Mapping[str, PairScores]) -> None:
    """FNMR over FMR, both logarithmic."""
    figure, axes = _axes(title, "FMR", "FNMR")
    draw_det(axes, models)
    _save(figure, axes, file)


def draw_det(axes: Axes, models: Mapping[str, PairScores], bands: Mapping[str, Band] | None = None) -> None:
    """The same on axes that are there; with the interval of each model whose band is given."""
    for name, scores in models.items():
        far, tar = curve(scores)
        (line,) = axes.step(far, np.where(tar < 1, 1 - tar, np.nan), where="post", label=name)
        if bands and name in bands:
            band = bands[name]
            axes.fill_between(band.fmr, band.low, band.high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xscale="log", yscale="log")
    _shade_unsupported(axes, models)


def save_histogram(file: Path, title: str, models: Mapping[str, PairScores]) -> None:
    """Density of genuine and impostor scores."""
    figure, axes = _axes(title, "cosine", "density")
    for number, (name, scores) in enumerate(models.items()):
        draw_histogram(axes, scores, "" if len(models) == 1 else f", {name}", ("C0", "C3"), filled=not number)
    _save(figure, axes, file)


def draw_histogram(axes: Axes, scores: PairScores, said: str, colours: tuple[str, str], *, filled: bool = True) -> None:
    """Genuine and impostor scores of one model in these two colours; ``said`` ends their labels."""
    genuine, impostor = colours
    _hist(axes, scores.impostor, _stands_for(scores), f"impostor{said}", impostor, filled=filled)
    _hist(axes, scores.genuine, np.ones(len(scores.genuine)), f"genuine{said}", genuine, filled=filled)


def save_resolution(file: Path, title: str, protocol: AbstractProtocol, sweep: Mapping[str, Figures]) -> None:
    """Every row of the benchmark's table over the resolution, one panel a side, with its intervals."""
    figure = Figure(figsize=(5.5 * len(sweep), 4.2), layout="constrained")
    for number, (side, by_resolution) in enumerate(sweep.items(), 1):
        axes = figure.add_subplot(1, len(sweep), number)
        _draw_rows(axes, {int(px): list(protocol.rows(figures)) for px, figures in by_resolution.items()})
        axes.set(title=f"{title}: {_SIDES[side]}", xlabel="resolution [px]", ylabel="share", ylim=(0, 1.01))
        axes.set_xscale("log", base=2)
        axes.set_xticks([int(px) for px in by_resolution], list(by_resolution))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    figure.savefig(file, dpi=120)


_SIDES = {"query": "coarse queries, gallery as it is", "both": "both coarse"}


def _draw_rows(axes: Axes, rows: Mapping[int, list[Row]]) -> None:
    resolutions = sorted(rows)
    for place, first in enumerate(rows[resolutions[0]]):
        of_figure = [rows[resolution][place] for resolution in resolutions]
        values = [row.value for row in of_figure]
        low, high = np.array([row.interval or (row.value, row.value) for row in of_figure]).T
        (line,) = axes.plot(resolutions, values, marker="o", label=first.figure)
        axes.fill_between(resolutions, low, high, color=line.get_color(), alpha=0.2)


def _hist(
    axes: Axes,
    values: Float[np.ndarray, " S"],
    weights: Float[np.ndarray, " S"],
    label: str,
    color: str,
    *,
    filled: bool,
) -> None:
    bins = np.linspace(min(-0.2, float(values.min())), max(1.0, float(values.max())), 121)
    density, _ = np.histogram(values, bins, weights=weights, density=True)
    axes.stairs(density, bins, label=label, color=color, fill=filled, alpha=0.5 if filled else 1.0)


def _stands_for(scores: PairScores) -> Float[np.ndarray, " I"]:
    return np.ones(len(scores.impostor)) if scores.stands_for is None else scores.stands_for


def _shade_unsupported(axes: Axes, models: Mapping[str, PairScores]) -> None:
    lowest = SUPPORTING_ERRORS / min(_stands_for(scores).sum() for scores in models.values())
    left = axes.get_xlim()[0]
    if left < lowest:
        axes.axvspan(
            left, lowest, color="0.5", alpha=0.18, linewidth=0, label=f"fewer than {SUPPORTING_ERRORS} impostor errors"
        )
        axes.set_xlim(left=left)


def _axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Figure, axes: Axes, file: Path) -> None:
    axes.legend()
    figure.savefig(file, dpi=120)
