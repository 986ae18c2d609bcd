"""What all pictures are drawn with, in colours that every eye tells apart (Okabe and Ito's, and cividis)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import FuncFormatter
from torch import Tensor

from .findings import StageView
from .receptive_field import CROP_PX

HEAT, THEORY, RADIUS = "#D55E00", "#0072B2", "#F0E442"
TEACHER, STUDENT = "#D55E00", "#0072B2"
FADED = 0.55
"""How far the mean face is moved towards white, so that colours on it can be read."""
STRONG = 0.9
"""Opacity of the strongest heat: the face below stays visible."""
SHADE_STEP = 4
"""64 shades of each colour make half of the bytes, and no eye sees it."""
DPI = 90


def draw_face(axes: Axes, face: Float[np.ndarray, "S S"]) -> None:
    """The mean face, pale, over the crop's pixels."""
    axes.imshow(face * (1 - FADED) + FADED, cmap="gray", vmin=0, vmax=1, extent=(0, CROP_PX, CROP_PX, 0))
    axes.set(xlim=(0, CROP_PX), ylim=(CROP_PX, 0))
    axes.axis("off")


def draw_heat(axes: Axes, strength: Float[Tensor, "S S"]) -> None:
    """One hue over the face, the less transparent the stronger: 1 is ``STRONG``."""
    opacity = strength.numpy().clip(0, 1) * STRONG
    colour = np.broadcast_to(to_rgb(HEAT), (*opacity.shape, 3))
    axes.imshow(np.dstack([colour, opacity]), extent=(0, CROP_PX, CROP_PX, 0), interpolation="nearest")


def heat_bar(figure: Figure | SubFigure, axes: Any, norm: Normalize, label: str, **where: Any) -> None:
    """What the transparency of the heat means, over the grey of the face."""
    grey = "0.8"
    red, green, blue = (STRONG * a + (1 - STRONG) * b for a, b in zip(to_rgb(HEAT), to_rgb(grey), strict=True))
    shades = ScalarMappable(norm, LinearSegmentedColormap.from_list("heat", [grey, to_hex((red, green, blue))]))
    bar = figure.colorbar(shades, ax=axes, **where)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)


def draw_radius(axes: Axes, view: StageView, colour: str) -> None:
    """The disc that half of the gradient comes from."""
    for ink, width in (("black", 3.2), (colour, 2.0)):
        axes.add_patch(Circle(view.centroid_px, view.radius_px, fill=False, ec=ink, lw=width))


def draw_box(axes: Axes, view: StageView, colour: str) -> None:
    """The theoretical field, half a line inside it, so that one as large as the crop is seen, too."""
    width, height = (max(side - 2, 1) for side in view.box.sides_px)
    axes.add_patch(
        Rectangle((view.box.left + 1, view.box.top + 1), width, height, fill=False, ec=colour, lw=2, ls="--")
    )


def draw_matrix(
    axes: Axes, values: Float[np.ndarray, "A B"], rows: Sequence[str], columns: Sequence[str], label: str
) -> None:
    """Numbers from 0 to 1 with their colours, and the bar that explains them."""
    image = axes.imshow(values, cmap="cividis", vmin=0, vmax=1)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=40, ha="right", rotation_mode="anchor")
    for (row, column), value in np.ndenumerate(values):
        ink = "black" if value > 0.5 else "white"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)


def frame_cell(axes: Axes, row: int, column: int) -> None:
    """A frame inside one cell of a matrix."""
    axes.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, ec=HEAT, lw=3))


def as_share() -> FuncFormatter:
    """Ticks as 0, 0.1, 1, without padding."""
    return FuncFormatter(lambda value, _: f"{value:g}")


def save_figure(figure: Figure, file: Path) -> None:
    """As PNG."""
    file.write_bytes(png(figure))


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file."""
    figure.set_dpi(DPI)
    pixels = FigureCanvasAgg(figure)
    pixels.draw()
    rgb = np.asarray(pixels.buffer_rgba())[..., :3]
    shades = (np.round(rgb / SHADE_STEP) * SHADE_STEP).clip(0, 255).astype(np.uint8)
    data: bytes = cv2.imencode(".png", shades[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    return data
