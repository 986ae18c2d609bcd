"""The pictures, one idea each, in colours that every eye tells apart (Okabe and Ito's, and cividis)."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch, Rectangle
from torch import Tensor

from .attention import Looks
from .look import Inspection, StageView
from .receptive_field import CROP_PX

HEAT, THEORY, RADIUS = "#D55E00", "#0072B2", "#F0E442"
CENTRES_SHOWN = 3
"""Along a side: nine of the local centres, evenly spread."""
FADED = 0.55
"""How far the mean face is moved towards white, so that colours on it can be read."""


def save_fields(file: Path, seen: Inspection) -> None:
    """Theoretical and measured field of the middle cell of every stage, teacher above student."""
    rows = {"teacher": seen.teacher, "student": seen.student}
    columns = max(map(len, rows.values()))
    figure = Figure(figsize=(2.6 * columns, 6.4), layout="constrained")
    grid = figure.subplots(2, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for line, (whose, views) in zip(grid, rows.items(), strict=True):
        for number, view in enumerate(views):
            _field(line[number + columns - len(views)], f"{whose} {number - len(views)}", seen.face, view)
    keys = [
        Patch(color=HEAT, label="gradient (square root)"),
        Line2D([], [], color=RADIUS, lw=2, label="effective radius: half of the gradient"),
        Line2D([], [], color=THEORY, lw=2, ls="--", label="theoretical field: all it can see"),
        Line2D([], [], color="black", marker="+", ms=9, mew=1.8, ls="", label="where the cell lies"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    _save(figure, file)


def _field(axes: Axes, name: str, face: Float[np.ndarray, "S S"], view: StageView) -> None:
    _face(axes, face)
    _heat(axes, view.field.sqrt())
    box, (x, y) = view.box, view.centroid_px
    # Half a line inside, so that a field as large as the crop is seen, too.
    width, height = (max(side - 2, 1) for side in box.sides_px)
    axes.add_patch(Rectangle((box.left + 1, box.top + 1), width, height, fill=False, ec=THEORY, lw=2, ls="--"))
    axes.add_patch(Circle((x, y), view.radius_px, fill=False, ec="black", lw=3))
    axes.add_patch(Circle((x, y), view.radius_px, fill=False, ec=RADIUS, lw=1.8))
    axes.plot(*view.cell_px, "+", color="black", ms=9, mew=1.8)
    high, wide = view.grid
    theory = " x ".join(f"{side:.0f}" for side in box.sides_px)
    axes.set_title(f"{name}: {high} x {wide} cells\ntheory {theory} px, radius {view.radius_px:.0f} px", fontsize=9)


def save_cka(file: Path, seen: Inspection) -> None:
    """CKA of all stages and embeddings with each other; a line parts student and teacher."""
    side = 2 + 0.62 * len(seen.names)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.add_subplot()
    _matrix(axes, seen.cka, seen.names, seen.names)
    split = len(seen.student) + 0.5
    axes.axhline(split, color="white", lw=3)
    axes.axvline(split, color="white", lw=3)
    axes.set_title(f"linear CKA over {seen.faces} faces", fontsize=10)
    _save(figure, file)


def save_pairs(file: Path, seen: Inspection) -> None:
    """Score of every pair of stages; suggested ones are framed."""
    table = np.zeros((len(seen.student), len(seen.teacher)))
    for pair in seen.pairs:
        table[pair.stage, pair.teacher_stage] = pair.score
    figure = Figure(figsize=(2.4 + 0.9 * table.shape[1], 1.9 + 0.8 * table.shape[0]), layout="constrained")
    axes = figure.add_subplot()
    _matrix(axes, table, seen.names[: len(table)], seen.names[len(table) + 1 : -1])
    for pair in (pair for pair in seen.pairs if pair.suggested):
        corner = (pair.teacher_stage + table.shape[1] - 0.46, pair.stage + table.shape[0] - 0.46)
        axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, ec=HEAT, lw=3))
    axes.set_title("how well stages fit: field x grid x alike\nframed: suggested", fontsize=10)
    _save(figure, file)


def save_centres(file: Path, seen: Inspection, student: Looks, teacher: Looks) -> None:
    """Where the same local centres look in both networks; each map as strong as its own largest share."""
    shown = _spread(len(student.maps))
    figure = Figure(figsize=(1.35 * len(shown), 3.5), layout="constrained")
    grid = figure.subplots(2, len(shown), squeeze=False)
    for line, whose, looks in zip(grid, ("teacher", "student"), (teacher, student), strict=True):
        for axes, centre in zip(line, shown, strict=True):
            _face(axes, seen.face)
            _cells(axes, looks, centre)
            axes.set_title(f"{whose}\ncentre {centre}", fontsize=8)
    keys = [
        Patch(color=HEAT, label="attention of the local centre"),
        Line2D([], [], color=RADIUS, marker="o", mec="black", ls="", label="mean place it looks at"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    _save(figure, file)


def _cells(axes: Axes, looks: Looks, centre: int) -> None:
    """A centre's share of every cell as a coloured square on the face."""
    share = (looks.maps[centre] / looks.maps[centre].max()).flatten().tolist()
    high, wide = (CROP_PX / side for side in looks.maps.shape[1:])
    for (x, y), strength in zip(looks.cells_px.tolist(), share, strict=True):
        axes.add_patch(Rectangle((x - wide / 2, y - high / 2), wide, high, color=HEAT, lw=0, alpha=0.85 * strength))
    axes.plot(*looks.gaze_px[centre].tolist(), "o", color=RADIUS, mec="black", ms=5)


def _spread(count: int) -> list[int]:
    """Some centres over the whole grid that they lie on, or over their numbers where they lie on none."""
    side = round(count**0.5)
    if side**2 != count or side < CENTRES_SHOWN:
        return np.linspace(0, count - 1, min(count, CENTRES_SHOWN**2)).round().astype(int).tolist()
    line = np.linspace(0, side - 1, CENTRES_SHOWN).round().astype(int)
    return [int(row * side + column) for row in line for column in line]


def _face(axes: Axes, face: Float[np.ndarray, "S S"]) -> None:
    axes.imshow(face * (1 - FADED) + FADED, cmap="gray", vmin=0, vmax=1, extent=(0, CROP_PX, CROP_PX, 0))
    axes.set(xlim=(0, CROP_PX), ylim=(CROP_PX, 0))
    axes.axis("off")


def _heat(axes: Axes, strength: Float[Tensor, "S S"]) -> None:
    """One hue over the face, the less transparent the stronger."""
    fine = cv2.resize((strength / strength.max().clamp_min(1e-12)).numpy(), (2 * CROP_PX, 2 * CROP_PX))
    colour = np.broadcast_to(to_rgb(HEAT), (*fine.shape, 3))
    axes.imshow(np.dstack([colour, fine.clip(0, 1)]), extent=(0, CROP_PX, CROP_PX, 0), interpolation="nearest")


def _matrix(axes: Axes, values: Float[np.ndarray, "A B"], rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.imshow(values, cmap="cividis", vmin=0, vmax=1)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=45, ha="right", rotation_mode="anchor")
    for (row, column), value in np.ndenumerate(values):
        axes.text(
            column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color="black" if value > 0.5 else "white"
        )


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=110)
