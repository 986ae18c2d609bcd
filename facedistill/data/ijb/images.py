"""The two lists of IJB's images, which describe the same image on the same line.

``*_face_tid_mid.txt``: image, template, medium. ``*_name_5pts_score.txt``: image, x and y of five points in the loose
crop (eyes, nose, mouth corners), detector score.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from ...errors import UserError
from .integers import chunks_of_lines


@dataclass(frozen=True)
class IjbImages:
    """What the lists say of N images."""

    names: np.ndarray
    """Paths below ``loose_crop``, as bytes: one flat array, which workers share."""
    template: Int[np.ndarray, " N"]
    """Numbers of the templates in ``template_ids``, 0 to T - 1, each of which has an image."""
    template_ids: Int[np.ndarray, " T"]
    """As the lists write them, ascending."""
    media: Int[np.ndarray, " N"]
    landmarks_px: Float[np.ndarray, "N 5 2"]
    """x, y in pixels of the loose crop, left as seen in the image."""
    detector_scores: Float[np.ndarray, " N"]


def read_ijb_images(tid_mid: Path, points: Path) -> IjbImages:
    """Both lists.

    Raises:
        UserError: a file or a line that cannot be read, or lines that describe different images.
    """
    names, numbers = _read_named(tid_mid, _MEDIA)
    others, values = _read_named(points, _POINTS)
    _check_same(tid_mid, names, points, others)
    _check_points(points, values)
    template_ids, template = np.unique(numbers[:, 0], return_inverse=True)
    return IjbImages(
        names, template, template_ids, numbers[:, 1], values[:, :10].astype(np.float32).reshape(-1, 5, 2), values[:, 10]
    )


@dataclass(frozen=True)
class _Columns:
    """The numbers that follow the name on every line of a list."""

    count: int
    parse: Callable[[bytes], float]
    dtype: type
    wanted: str
    """What a line holds, for errors."""

    def array(self, rows: Sequence[Sequence[bytes]]) -> np.ndarray:
        """Raises ``ValueError`` or ``OverflowError`` where a cell is no such number."""
        parse = self.parse
        return np.array([[parse(cell) for cell in row[1:]] for row in rows], dtype=self.dtype)

    def fit(self, row: Sequence[bytes]) -> bool:
        try:
            return self.array([row]).shape == (1, self.count)
        except (ValueError, OverflowError):
            return False


_MEDIA = _Columns(2, int, np.int64, "an image, a template and a medium")
_POINTS = _Columns(11, float, np.float64, "an image, ten coordinates and a detector score")


def _read_named(file: Path, columns: _Columns) -> tuple[np.ndarray, np.ndarray]:
    """Names and the numbers after each, line by line."""
    names, values, line = [], [], 1
    for chunk in chunks_of_lines(file):
        rows = [row.split() for row in chunk.split(b"\n")[:-1]]
        values.append(_values(rows, columns, file, line))
        names.append(np.array([row[0] for row in rows]))
        line += len(rows)
    if not names:
        raise UserError(f"{file} is empty; each of its lines gives {columns.wanted}.")
    return np.concatenate(names), np.concatenate(values)


def _values(rows: Sequence[Sequence[bytes]], columns: _Columns, file: Path, first_line: int) -> np.ndarray:
    if all(len(row) == columns.count + 1 for row in rows):
        with suppress(ValueError, OverflowError):
            return columns.array(rows)
    place = next(place for place, row in enumerate(rows) if not columns.fit(row))
    shown = b" ".join(rows[place])[:60].decode(errors="replace")
    raise UserError(f"{file}, line {first_line + place}: expected {columns.wanted}, got '{shown}'.")


def _check_same(first: Path, names: np.ndarray, second: Path, others: np.ndarray) -> None:
    shorter = min(len(names), len(others))
    different = np.flatnonzero(names[:shorter] != others[:shorter])
    if len(different):
        at = int(different[0])
        raise UserError(
            f"{first}, line {at + 1}, describes '{names[at].decode(errors='replace')}' and {second.name} there "
            f"'{others[at].decode(errors='replace')}'; both list the same images in the same order."
        )
    if len(names) != len(others):
        raise UserError(f"{first} lists {len(names)} images and {second.name} {len(others)}; is one cut off?")


def _check_points(file: Path, values: Float[np.ndarray, "N 11"]) -> None:
    """A similarity transform needs two points that differ, and everything needs numbers."""
    points = values[:, :10].reshape(-1, 5, 2)
    unusable = ~np.isfinite(values).all(axis=1) | (points == points[:, :1]).all(axis=(1, 2))
    if unusable.any():
        line = int(unusable.argmax()) + 1
        raise UserError(f"{file}, line {line}: five points that are not all the same are due, and a detector score.")
