"""The picture of local centres: where the same centre looks in student and teacher."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ..data.evenly import evenly
from . import canvas
from .attention import Looks, gaze_difference_px
from .findings import Inspection

CENTRES_SHOWN = 3
"""Along a side: nine of the local centres, evenly spread."""
LEAST_SCALE = 2.0
"""Shares that the scale ends with at least: attention that is nearly even looks so."""
MORE, LESS = canvas.HEAT, canvas.THEORY


def save_centres(file: Path, seen: Inspection, student: Looks, teacher: Looks) -> None:
    """Nine centres' maps in both networks on one scale, and the mean places of all centres."""
    shown = _spread(len(student.maps))
    most = max(LEAST_SCALE, *(float(looks.even[shown].max()) for looks in (teacher, student)))
    figure = Figure(figsize=(14, 5.3), layout="constrained")
    left, middle, bar, right = figure.subfigures(1, 4, width_ratios=[1, 1, 0.24, 1.05], squeeze=False)[0]
    _maps(left, "teacher", seen, teacher, shown, most)
    _maps(middle, "student", seen, student, shown, most)
    _scale(bar, most)
    _gazes(right, seen, student, teacher)
    canvas.save_figure(figure, file)


def _maps(part: SubFigure, whose: str, seen: Inspection, looks: Looks, shown: list[int], most: float) -> None:
    """The maps, laid out as the centres lie on the face where they do."""
    columns = min(len(shown), CENTRES_SHOWN)
    grid = part.subplots(-(-len(shown) // columns), columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, centre in zip(grid.flat, shown, strict=False):
        canvas.draw_face(axes, seen.face)
        _cells(axes, looks, centre, most)
        axes.set_title(f"centre {centre}", fontsize=8, pad=2)
    high, wide = looks.maps.shape[1:]
    title = f"{whose}, {high} x {wide} cells: {len(shown)} of {len(looks.maps)} centres"
    part.suptitle(f"{title}\ntheir attention differs from its mean by {looks.variety:.1%}", fontsize=10)


def _cells(axes: Axes, looks: Looks, centre: int, most: float) -> None:
    """Cells that the centre reads more than an even share of in one colour, those it reads less of in the other."""
    high, wide = looks.sides_px
    for (x, y), share in zip(looks.cells_px.tolist(), looks.even[centre].flatten().tolist(), strict=True):
        colour, alpha = (MORE, (share - 1) / (most - 1)) if share > 1 else (LESS, 1 - share)
        square = Rectangle((x - wide / 2, y - high / 2), wide, high, color=colour, lw=0, alpha=alpha * canvas.STRONG)
        axes.add_patch(square)


def _scale(part: SubFigure, most: float) -> None:
    axes = part.subplots()
    axes.axis("off")
    shades = LinearSegmentedColormap.from_list("shares", [LESS, "0.85", MORE])
    bar = part.colorbar(ScalarMappable(TwoSlopeNorm(1, 0, most), shades), ax=axes, fraction=0.9, shrink=0.8)
    bar.set_ticks([0, 0.5, 1, (1 + most) / 2, most], labels=["0", "0.5", "1", f"{(1 + most) / 2:.1f}", f"{most:.1f}"])
    bar.set_label("attention on a cell: 1 is an even share", fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _gazes(part: SubFigure, seen: Inspection, student: Looks, teacher: Looks) -> None:
    axes = part.subplots()
    canvas.draw_face(axes, seen.face)
    for own, wanted in zip(student.gaze_px.tolist(), teacher.gaze_px.tolist(), strict=True):
        axes.plot(*zip(own, wanted, strict=True), color="0.25", lw=0.6)
    for looks, colour in ((teacher, canvas.TEACHER), (student, canvas.STUDENT)):
        axes.plot(*looks.gaze_px.T.tolist(), "o", color=colour, mec="white", mew=0.5, ms=5)
    part.suptitle(
        "mean place that each centre looks at\n"
        f"the same centre in both: {gaze_difference_px(student, teacher):.1f} px apart",
        fontsize=10,
    )
    keys = [
        Line2D([], [], color=colour, marker="o", ls="", label=whose)
        for whose, colour in (("teacher", canvas.TEACHER), ("student", canvas.STUDENT))
    ]
    part.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False, fontsize=9)


def _spread(count: int) -> list[int]:
    """Some centres over the whole grid that they lie on, or over their numbers where they lie on none."""
    side = round(count**0.5)
    if side**2 != count or side < CENTRES_SHOWN:
        return evenly(count, CENTRES_SHOWN**2).tolist()
    line = evenly(side, CENTRES_SHOWN).tolist()
    return [row * side + column for row in line for column in line]
