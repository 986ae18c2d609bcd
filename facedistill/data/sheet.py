"""Contact sheets: many crops in one picture."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from ..errors import UserError


def contact_sheet(
    faces: Sequence[UInt8[np.ndarray, "H W 3"]], *, rows: int, columns: int, gap_px: int = 2
) -> UInt8[np.ndarray, "Y X 3"]:
    """Crops of one size row by row on white; places without a crop stay white.

    Raises:
        UserError: there is no crop, or there are more than places.
    """
    if not 0 < len(faces) <= rows * columns:
        raise UserError(f"A sheet of {rows} x {columns} takes 1 to {rows * columns} faces, not {len(faces)}.")
    height, width, _ = faces[0].shape
    sheet = np.full((rows * (height + gap_px) - gap_px, columns * (width + gap_px) - gap_px, 3), 255, np.uint8)
    for place, face in enumerate(faces):
        y, x = place // columns * (height + gap_px), place % columns * (width + gap_px)
        sheet[y : y + height, x : x + width] = face
    return sheet
