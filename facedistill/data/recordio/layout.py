"""Which records are images, and what label each has, in both layouts.

insightface's training sets have a header, record 0 with two labels and no image: the exclusive end of the images' keys,
which begin at 1, and of the identities' keys, which follow. The record of an identity has two labels and no image,
either: the half-open range of its images. In files of im2rec or shuffle_rec every record is an image.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

from .index import distinct, rises
from .item import HEADER
from .table import Table

EXACT = 1 << 24
"""float32 holds every whole number up to here, and labels are float32."""


@dataclass(frozen=True)
class Heads:
    """What every payload says before its image."""

    flags: Int[np.ndarray, " N"]
    labels: Float32[np.ndarray, "N 2"]
    """The first two; for a flag of 0 the label alone, and 0."""
    image_bytes: Int[np.ndarray, " N"]

    @property
    def ranges(self) -> Bool[np.ndarray, " N"]:
        """Two labels without an image."""
        return (self.flags == 2) & (self.image_bytes == 0)


def read_heads(view: memoryview, table: Table, keys: Int[np.ndarray, " N"]) -> Heads:
    """The heads of all payloads.

    Raises:
        ValueError: names the record that is too short for what it announces.
    """
    flags = table.column(view, 0).astype(np.int64)
    image_bytes = table.lengths - HEADER.size - 4 * flags
    if (image_bytes < 0).any():
        place = (image_bytes < 0).argmax()
        raise ValueError(
            f"record {keys[place]} has {table.lengths[place]} bytes, too few for its header and {flags[place]} labels"
        )
    labels = np.zeros((len(flags), 2), np.uint32)
    labels[:, 0] = table.column(view, 1)
    for number, flagged in enumerate((flags > 0, flags > 1)):
        labels[flagged, number] = table.column(view, HEADER.size // 4 + number)[flagged]
    return Heads(flags, labels.view(np.float32), image_bytes)


def own_keys(view: memoryview, table: Table) -> Int[np.ndarray, " N"]:
    """Keys where no index gives them: the numbers in the payloads if no two are equal, or else the places."""
    numbers = table.column(view, 2).astype(np.int64) | table.column(view, 3).astype(np.int64) << 32
    return numbers if distinct(numbers) else np.arange(len(numbers))


def image_places(keys: Int[np.ndarray, " N"], heads: Heads) -> Int[np.ndarray, " M"]:
    """Places of the images.

    Raises:
        ValueError: a header that announces other records than there are, or no image.
    """
    start = np.flatnonzero(keys == 0)
    places = np.arange(len(keys))
    if len(start) and heads.ranges[start[0]]:
        order = slice(None) if rises(keys) else np.argsort(keys)
        places = places[order]
        end = _images_end(keys[order], heads.labels[start[0]], heads.ranges[order])
        _check_ranges(heads.labels[places[end:]], np.float32(end), end)
        places = places[1:end]
    if not len(places):
        raise ValueError("it holds no image")
    return places


def _images_end(keys: Int[np.ndarray, " N"], header: Float32[np.ndarray, "2"], ranges: Bool[np.ndarray, " N"]) -> int:
    """Exclusive end of the images' keys, which are distinct and ascend: the records behind are ranges, up to the last.

    Counted rather than read from the header, whose float32 is exact up to 16.8 million only; it has to agree.
    """
    count = len(keys)
    end = 1 if ranges.all() else count - int(ranges[::-1].argmin())
    gaps = keys[0] != 0 or keys[-1] != count - 1
    if gaps or not np.array_equal(header, np.array([end, count], np.float32)):
        raise ValueError(
            f"its header announces images 1 to {header[0]:.0f} and identities up to {header[1]:.0f}, both exclusive, "
            f"and there are {end - 1} images and {count - end} identities with keys {keys[0]} to {keys[-1]}"
        )
    return end


def _check_ranges(ranges: Float32[np.ndarray, "K 2"], end: np.float32, first_key: int) -> None:
    good = (ranges[:, 0] >= 1) & (ranges[:, 0] <= ranges[:, 1]) & (ranges[:, 1] <= end)
    if not good.all():
        place = good.argmin()
        raise ValueError(
            f"identity record {first_key + place} announces images {ranges[place, 0]} to {ranges[place, 1]}, "
            f"exclusive, and images have the keys 1 to {end - 1:.0f}"
        )


def whole_labels(labels: Float32[np.ndarray, " N"], keys: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Labels as whole numbers.

    Raises:
        ValueError: names the first that is none, negative, or too large to be exact.
    """
    good = (labels >= 0) & (labels < EXACT) & (labels == np.floor(labels))
    if not good.all():
        place = good.argmin()
        raise ValueError(
            f"record {keys[place]} has the label {labels[place]}, not a whole number from 0 to {EXACT - 1}"
        )
    return labels.astype(np.int64)


def dense(labels: Int[np.ndarray, " N"]) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " K"]]:
    """Labels numbered anew without gaps, and the labels that they had."""
    present = np.zeros(labels.max() + 1, bool)
    present[labels] = True
    return (np.cumsum(present) - 1)[labels], np.flatnonzero(present)
