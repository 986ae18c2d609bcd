"""Pictures of a comparison as SVG: accuracy with intervals, accuracy against training cost, rank stability."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import TABLEAU_COLORS
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..evaluate.intervals.bootstrap import UNDECIDED
from ..page.figures import BAD, GOOD, NEUTRAL, draw_svg
from .table import Cell, Line

ACROSS = 3
"""Panels side by side, one a figure."""
WIDTH_IN, ROW_IN, MARGIN_IN, COST_IN, LEGEND_IN = 4.3, 0.36, 1.1, 3.8, 0.4
COLOURS = {"better": GOOD, "worse": BAD}
OTHERWISE = NEUTRAL
_COLOURS = tuple(TABLEAU_COLORS)
MARKERS = "os^Dv*"
"""One after the other, each for as many rows as there are colours."""

LEGEND_ACROSS = 3
"""Entries of a legend below one panel."""
UNSAID = f"{UNDECIDED}, or the reference itself"

Draw = Callable[[Axes, str, Sequence[Line]], None]
Drawn = Sequence[tuple[float | int, float | int]]
"""Epochs, and what was noted at their ends."""


def draw_accuracy(lines: Sequence[Line]) -> str:
    """A point a row with its 95 % interval; coloured where it is better or worse than the reference."""
    said = "Accuracy of every row with its 95 % interval"
    return _panels(said, lines, _draw_intervals, MARGIN_IN + ROW_IN * len(lines), _verdicts(), named=True)


def draw_cost(lines: Sequence[Line]) -> str:
    """Accuracy over the seconds of one training."""
    marks = [Line2D([], [], label=_label(line, lines), **_mark(number)) for number, line in enumerate(lines)]
    return _panels("Accuracy of every row over its cost", lines, _draw_cost, COST_IN, marks, named=False)


def draw_ranks(lines: Sequence[Line]) -> str:
    """The ranks that 95 % of the replicates hold, and how often a row is first among those of its student."""
    said = "Ranks of every row among those of its student"
    return _panels(said, lines, _draw_ranks, MARGIN_IN + ROW_IN * len(lines), _verdicts(), named=True)


def draw_lines(said: str, rows: Mapping[str, Drawn]) -> str:
    """What every row noted over its epochs."""
    below = -(-len(rows) // LEGEND_ACROSS)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for number, points in enumerate(rows.values()):
            mark = _mark(number)
            axes.plot(*zip(*points, strict=True), color=mark["color"], marker=mark["marker"], linestyle="-")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.15)
        marks = [Line2D([], [], label=name, **_mark(number)) for number, name in enumerate(rows)]
        figure.legend(handles=marks, loc="outside lower center", ncols=LEGEND_ACROSS)

    return draw_svg(said, (2 * WIDTH_IN, COST_IN + LEGEND_IN / 2 * below), draw)


def _panels(
    said: str, lines: Sequence[Line], draw: Draw, height_in: float, legend: Sequence[Line2D], *, named: bool
) -> str:
    names = list(lines[0].cells)
    across = min(ACROSS, len(names))
    down = -(-len(names) // across)
    rows = -(-len(legend) // (LEGEND_ACROSS * across))

    def draw_all(figure: Figure) -> None:
        # Outside of the panels: inside it would hide points.
        figure.legend(handles=legend, loc="outside lower center", ncols=LEGEND_ACROSS * across)
        for number, name in enumerate(names):
            axes = figure.add_subplot(down, across, number + 1)
            draw(axes, name, lines)
            axes.set_title(name)
            axes.grid(alpha=0.15)
            if named:
                axes.set_yticks(range(len(lines)), _labels(lines) if number % across == 0 else [""] * len(lines))
                axes.set_ylim(len(lines) - 0.5, -0.5)

    return draw_svg(said, (WIDTH_IN * across, height_in * down + LEGEND_IN * rows), draw_all)


def _draw_intervals(axes: Axes, name: str, lines: Sequence[Line]) -> None:
    for place, cell in enumerate(line.cells[name] for line in lines):
        axes.plot([100 * cell.low, 100 * cell.high], [place, place], color=_colour(cell), linestyle="-", linewidth=2.2)
        axes.plot(100 * cell.value, place, "o", color=_colour(cell))
    axes.set_xlabel("%")


def _draw_cost(axes: Axes, name: str, lines: Sequence[Line]) -> None:
    for number, line in enumerate(lines):
        if line.training_s is not None:
            cell, mark = line.cells[name], _mark(number)
            axes.plot([line.training_s] * 2, [100 * cell.low, 100 * cell.high], color=mark["color"], linestyle="-")
            axes.plot(line.training_s, 100 * cell.value, **mark)
    axes.set(xlabel="seconds of one training", ylabel="%")
    axes.set_xlim(left=0)


def _draw_ranks(axes: Axes, name: str, lines: Sequence[Line]) -> None:
    last = max(line.cells[name].worst_rank for line in lines)
    for place, cell in enumerate(line.cells[name] for line in lines):
        ends, colour = [cell.best_rank, cell.worst_rank], _colour(cell)
        axes.plot(ends, [place, place], color=colour, linestyle="-", linewidth=6, solid_capstyle="round")
        axes.text(last + 0.35, place, f"first in {100 * cell.first:.0f} %", va="center", fontsize=8)
    axes.set_xticks(range(1, last + 1))
    axes.set_xlim(0.6, last + 0.3 + 0.28 * last)
    axes.set_xlabel("rank")


def _mark(number: int) -> dict[str, Any]:
    """Unlike that of every other row, for as many rows as there are colours and markers."""
    return {"color": _COLOURS[number % len(_COLOURS)], "marker": MARKERS[number // 10 % len(MARKERS)], "linestyle": ""}


def _verdicts() -> list[Line2D]:
    """What the colours of rows mean."""
    means = {**{f"{word} than the reference, paired": colour for word, colour in COLOURS.items()}, UNSAID: OTHERWISE}
    return [Line2D([], [], color=colour, linestyle="-", linewidth=3, label=label) for label, colour in means.items()]


def _colour(cell: Cell) -> str:
    return OTHERWISE if cell.gain is None else COLOURS.get(cell.gain.verdict, OTHERWISE)


def _labels(lines: Sequence[Line]) -> list[str]:
    return [_label(line, lines) for line in lines]


def _label(line: Line, lines: Sequence[Line]) -> str:
    """The row, and of student and teacher what differs among the rows."""
    students = {other.group.student for other in lines}
    teachers = {other.group.teacher for other in lines} - {None}
    taught = line.group.taught if len(teachers) > 1 else line.group.row
    return f"{taught}, {line.group.student}" if len(students) > 1 else taught
