"""``landmarks.csv``: five points an image, in its pixels."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ..errors import UserError

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""Order of the points everywhere; left and right as seen in the image."""

COLUMNS = ("path", *(f"{point}_{axis}" for point in POINTS for axis in "xy"))


def read_landmarks(path: Path) -> dict[str, Float[np.ndarray, "5 2"]]:
    """Points (x, y) in pixels by the image's path below the folder; other columns are passed over.

    Raises:
        UserError: a column is missing, a row has no number where one is due, or two rows have the same path.
    """
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = csv.DictReader(file, restval="")
        missing = set(COLUMNS) - set(rows.fieldnames or ())
        if missing:
            raise UserError(f"{path} lacks the columns {', '.join(sorted(missing))}; it needs {','.join(COLUMNS)}.")
        points_px: dict[str, Float[np.ndarray, "5 2"]] = {}
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            if row["path"] in points_px:
                raise UserError(f"{where}: {row['path']} has a row already; keep one of them.")
            points_px[row["path"]] = _points(row, where)
        return points_px


def _points(row: dict[str | Any, str | Any], where: str) -> Float[np.ndarray, "5 2"]:
    try:
        points = np.array([float(row[column]) for column in COLUMNS[1:]], dtype=np.float32).reshape(5, 2)
    except ValueError:
        points = np.full((5, 2), np.nan, dtype=np.float32)
    if not np.isfinite(points).all():
        raise UserError(f"{where}: ten numbers are due, x and y of five points in pixels.")
    return points
