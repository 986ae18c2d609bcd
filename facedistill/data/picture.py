"""Sets of faces as PNG: a contact sheet, and the histogram of images per identity."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..errors import UserError
from ..files import whole_file
from .contract import AbstractFaces, UnreadableImage
from .evenly import evenly
from .inspect import Bin
from .sheet import contact_sheet

TILE_PX = 112


def save_sheet(file: Path, faces: AbstractFaces, *, rows: int = 8, columns: int = 8) -> None:
    """A row per identity with its first images, the identities spread evenly over the set.

    Without identities the images are spread evenly. What cannot be read stays white.

    Raises:
        UserError: the file exists or is not a .png.
    """
    shown = _shown(faces, rows, columns)
    tiles = [_tile(faces, index) for index in shown]
    sheet = contact_sheet(tiles, rows=-(-len(tiles) // columns), columns=columns)
    with whole_file(checked_png(file)) as unfinished:
        cv2.imwrite(str(unfinished), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


def save_histogram(file: Path, bins: Sequence[Bin]) -> None:
    """Identities over images per identity.

    Raises:
        UserError: the file exists or is not a .png.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    bars = axes.bar([each.span for each in bins], [each.identities for each in bins])
    axes.bar_label(bars, fmt="{:,.0f}")
    axes.set(xlabel="images per identity", ylabel="identities")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    with whole_file(checked_png(file)) as unfinished:
        figure.savefig(unfinished, dpi=120)


def checked_png(file: Path) -> Path:
    """``file``, if it can become a PNG.

    Raises:
        UserError: its name has another ending.
    """
    if file.suffix.lower() != ".png":
        raise UserError(f"{file} would be a PNG; give a name that ends in .png.")
    return file


def _shown(faces: AbstractFaces, rows: int, columns: int) -> list[int | None]:
    """Images row by row; None for a place without one."""
    known = np.unique(faces.labels[faces.labels >= 0])
    if not len(known):
        return evenly(len(faces), rows * columns).tolist()
    order = np.argsort(faces.labels, kind="stable")
    first = np.searchsorted(faces.labels[order], known)
    last = np.searchsorted(faces.labels[order], known, side="right")
    shown: list[int | None] = []
    for place in evenly(len(known), rows):
        images = order[first[place] : last[place]][:columns].tolist()
        shown += [*images, *[None] * (columns - len(images))]
    return shown


def _tile(faces: AbstractFaces, index: int | None) -> UInt8[np.ndarray, "S S 3"]:
    """An image fitted into a white square."""
    tile = np.full((TILE_PX, TILE_PX, 3), 255, np.uint8)
    if index is not None:
        with suppress(UnreadableImage):
            image = faces.image(index)
            scale = TILE_PX / max(image.shape[:2])
            height, width = (max(1, round(side * scale)) for side in image.shape[:2])
            y, x = (TILE_PX - height) // 2, (TILE_PX - width) // 2
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            tile[y : y + height, x : x + width] = cv2.resize(image, (width, height), interpolation=method)
    return tile
