"""The pictures of receptive fields, of CKA, and of the pairs that are suggested."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from . import canvas
from .findings import Inspection, StageView
from .suggest import Pair

PLACE = "+"
PAIRS_SHOWN = 4
"""Suggestions with a face of their own."""


def save_fields(file: Path, seen: Inspection) -> None:
    """Theoretical and measured field of the middle cell of every stage, teacher above student."""
    rows = {f"teacher: {seen.teacher_is}": seen.teacher, f"student: {seen.student_is}": seen.student}
    figure = draw_fields(seen.face, rows)
    figure.suptitle(
        "What the middle cell of every stage sees of a face (lengths in pixels of a 112 px crop)", fontsize=11
    )
    canvas.save_figure(figure, file)


def draw_fields(face: Float[np.ndarray, "S S"], rows: Mapping[str, Sequence[StageView]]) -> Figure:
    """A row of stages for every network, by what it is called."""
    columns = max(map(len, rows.values()))
    figure = Figure(figsize=(2.6 * columns + 1, 0.7 + 2.9 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for line, (whose, views) in zip(grid, rows.items(), strict=True):
        line[0].text(-0.06, 0.5, whose, rotation=90, ha="right", va="center", transform=line[0].transAxes, fontsize=10)
        for number, view in enumerate(views):
            _field(line[number + columns - len(views)], number - len(views), face, view)
    norm, label = PowerNorm(0.5, 0, 1), "gradient, as a share of the strongest"
    canvas.heat_bar(figure, grid, norm, label, shrink=0.6, ticks=[0, 0.1, 0.25, 0.5, 1], format=canvas.as_share())
    keys = [
        Line2D([], [], color=canvas.THEORY, lw=2, ls="--", label="theoretical field: all that the cell can see"),
        Line2D([], [], color=canvas.RADIUS, lw=2.5, label="effective radius: half of the gradient lies inside"),
        Line2D([], [], color="black", marker=PLACE, ms=9, mew=1.8, ls="", label="where the cell lies"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=min(columns, 3), frameon=False, fontsize=9)
    return figure


def _field(axes: Axes, stage: int, face: Float[np.ndarray, "S S"], view: StageView) -> None:
    canvas.draw_face(axes, face)
    canvas.draw_heat(axes, (view.field / view.field.max().clamp_min(1e-12)).sqrt())
    canvas.draw_box(axes, view, canvas.THEORY)
    canvas.draw_radius(axes, view, canvas.RADIUS)
    axes.plot(*view.cell_px, PLACE, color="black", ms=9, mew=1.8)
    width, height = view.box.sides_px
    can_see = f"can see {width:.0f} x {height:.0f} px, radius {view.radius_px:.0f} px"
    axes.set_title(f"stage {stage}: {_cells(view)}\n{can_see}", fontsize=9)


def save_cka(file: Path, seen: Inspection) -> None:
    """CKA of all stages and embeddings with each other; a line parts student and teacher, suggestions are framed."""
    side = 2 + 0.62 * len(seen.names)
    figure = Figure(figsize=(side + 1.4, side), layout="constrained")
    axes = figure.add_subplot()
    labels = _labels(seen)
    canvas.draw_matrix(axes, seen.cka, labels, labels, "linear CKA: 1 alike, 0 unrelated")
    split = len(seen.student) + 0.5
    axes.axhline(split, color="white", lw=3)
    axes.axvline(split, color="white", lw=3)
    for pair in seen.suggested:
        row, column = pair.stage + len(seen.student), pair.teacher_stage + len(seen.names) - 1
        canvas.frame_cell(axes, row, column)
        canvas.frame_cell(axes, column, row)
    axes.set_title(f"How alike the stages order {seen.faces} faces (framed: suggested pairs)", fontsize=10)
    canvas.save_figure(figure, file)


def save_pairs(file: Path, seen: Inspection) -> None:
    """Score of every pair of stages, and on the face what the suggested ones listen to."""
    wide, high = len(seen.teacher), len(seen.student)
    left, across = 2.8 + 0.8 * wide, 2.8 * max(1, -(-min(len(seen.suggested), PAIRS_SHOWN) // 2))
    figure = Figure(figsize=(left + across, max(6.2, 1.9 + 0.8 * high)), layout="constrained")
    scores, faces = figure.subfigures(1, 2, width_ratios=[left, across], squeeze=False)[0]
    _scores(scores.add_subplot(), seen)
    _suggestions(faces, seen, seen.suggested[:PAIRS_SHOWN])
    canvas.save_figure(figure, file)


def _suggestions(part: SubFigure, seen: Inspection, shown: list[Pair]) -> None:
    """A face for each, the first one's name in bold."""
    rows = max(1, min(2, len(shown)))
    grid = part.subplots(rows, max(1, -(-len(shown) // rows)), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, pair in zip(grid.flat, shown, strict=False):
        _pair(axes, seen, pair)
    keys = [
        Line2D([], [], color=canvas.TEACHER, lw=2.5, label="teacher's radius"),
        Line2D([], [], color=canvas.STUDENT, lw=2.5, label="student's"),
    ]
    part.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False, fontsize=9)


def _scores(axes: Axes, seen: Inspection) -> None:
    table = np.zeros((len(seen.student), len(seen.teacher)))
    for pair in seen.pairs:
        table[pair.stage, pair.teacher_stage] = pair.score
    labels = _labels(seen)
    rows, columns = labels[: len(table)], labels[len(table) + 1 : -1]
    canvas.draw_matrix(axes, table, rows, columns, "score = field x grid x CKA: 1 fits")
    for pair in seen.suggested:
        canvas.frame_cell(axes, pair.stage + table.shape[0], pair.teacher_stage + table.shape[1])
    axes.set_title("How well stages fit (framed: each the other's best)", fontsize=10)


def _pair(axes: Axes, seen: Inspection, pair: Pair) -> None:
    own, wanted = seen.student[pair.stage], seen.teacher[pair.teacher_stage]
    canvas.draw_face(axes, seen.face)
    canvas.draw_radius(axes, wanted, canvas.TEACHER)
    canvas.draw_radius(axes, own, canvas.STUDENT)
    room = "" if pair.has_room(seen.local_centres) else f"\ntoo few cells for {seen.local_centres} centres"
    axes.set_title(
        f"stage: {pair.stage}, teacher_stage: {pair.teacher_stage}\n"
        f"field {pair.field:.2f}, grid {pair.grid:.2f}, CKA {pair.alike:.2f}{room}",
        fontsize=9,
        fontweight="bold" if pair is seen.suggested[0] else "normal",
    )


def _labels(seen: Inspection) -> list[str]:
    """Names of the stages with their grids, as ``Inspection.names`` orders them."""
    grids = [*map(_cells, seen.student), "", *map(_cells, seen.teacher), ""]
    return [f"{name}\n{grid}" if grid else name for name, grid in zip(seen.names, grids, strict=True)]


def _cells(view: StageView) -> str:
    return f"{view.grid[0]} x {view.grid[1]} cells"
