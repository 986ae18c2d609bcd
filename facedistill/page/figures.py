"""Figures as SVG elements: text stays text, and lines and letters take the page's own ink, light or dark."""

import html
import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure

SERIES = ("#2f7fd0", "#d0661a", "#8a63c9", "#3d9a50")
"""One network each. They stand out by at least 3 to 1 against white and against the dark ground."""
GENUINE, IMPOSTOR = SERIES[:2]
GOOD, BAD, NEUTRAL = "#2f9150", "#d9493f", "#75869a"

_INK = "#0a0b0c"
"""Stands for the page's ink while a figure is drawn."""

_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1, 1.5)))

_STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.titlesize": 9.5,
    **dict.fromkeys(("legend.fontsize", "xtick.labelsize", "ytick.labelsize"), 8),
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(
        color=[SERIES[line % 4] for line in range(16)],
        linestyle=[_DASHES[(line + line // 4) % 4] for line in range(16)],
    ),
    "savefig.facecolor": "none",
    **dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none"),
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    **dict.fromkeys(("grid.color", "patch.edgecolor"), _INK),
}


def draw_svg(said: str, size_in: tuple[float, float], draw: Callable[[Figure], object]) -> str:
    """The element that ``draw`` makes of an empty figure; it grows and shrinks with its place.

    Args:
        said: what a screen reader says of it. No two figures of a page say the same.
        size_in: width and height, which fix the size of letters beside lines.
    """
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": said}):
        figure = Figure(figsize=size_in, layout="constrained")
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _element(text.getvalue(), said)


def _element(whole: str, said: str) -> str:
    """Without prologue and size, and without names of groups, which two figures would share."""
    svg = whole[whole.index("<svg") :].replace(_INK, "currentColor")
    opening, rest = svg.split(">", 1)
    opening = re.sub(r'\s(?:width|height)="[^"]*"', "", opening)
    return f'{opening} role="img" aria-label="{html.escape(said)}">' + re.sub(r'<g id="[^"]*"', "<g", rest)
