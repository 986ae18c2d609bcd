"""How a training went, from ``metrics.jsonl``."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from ..page.figures import draw_svg
from .drawings import SIZE_IN

Line = Mapping[str, float | int]

_NO_TERM = frozenset({"step", "epoch", "lr", "loss", "gradient_norm", "images_per_s", "data_wait"})
"""What stands in a line of training beside the terms of the loss."""


def curves(log: Sequence[Line]) -> dict[str, str]:
    """Figures by what they show; of what was never written down there is none."""
    training = [line for line in log if "loss" in line]
    looks = [line for line in log if "loss" not in line]
    drawn: dict[str, str] = {}
    if training:
        terms = [name for name in training[0] if name not in _NO_TERM]
        drawn["The loss, and its terms before their weights"] = _draw("Loss", training, ["loss", *terms], log=True)
        drawn["Gradient norm"] = _draw("Gradient norm", training, ["gradient_norm"])
        drawn["Learning rate"] = _draw("Learning rate", training, ["lr"])
    if looks:
        names = [name for name in looks[0] if name not in _NO_TERM]
        drawn["Looks at people kept out of training; no intervals"] = _draw("Validation", looks, names, percent=True)
    return drawn


def _draw(said: str, lines: Sequence[Line], names: Sequence[str], *, log: bool = False, percent: bool = False) -> str:
    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for name in names:
            _plot(axes, name, lines, 100 if percent else 1)
        axes.set(xlabel="epoch", ylabel="%" if percent else "")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if log and all(line.get(name, 1) > 0 for line in lines for name in names):
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.grid(alpha=0.15)
        if len(names) > 1:
            figure.legend(loc="outside upper left", ncols=2)

    return draw_svg(f"{said} over the epochs", SIZE_IN, draw)


def _plot(axes: Axes, name: str, lines: Sequence[Line], scale: int) -> None:
    noted = [(line["epoch"], scale * line[name]) for line in lines if name in line]
    marker = "o" if len(noted) < _FEW else ""
    axes.plot(*zip(*noted, strict=True), marker=marker, markersize=3.5, label=name)


_FEW = 12
"""Epochs that a mark each does not hide."""
