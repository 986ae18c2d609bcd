"""Faces that were all looked at before training: bad files are counted and named, never met by surprise.

The policy for unreadable images has its one place here.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int, UInt8

from ..errors import UserError
from .contract import AbstractFaces, UnreadableImage
from .resized import same_size

CHUNK = 256
"""Images between two reports of progress."""


class Verified(AbstractFaces):
    """Another set's faces at one size, every file of which was decoded once.

    The pixels stay in memory where they fit, shared with workers; otherwise they are decoded again when asked for.
    An unreadable image is replaced, label and all, by the next readable one, so that every other keeps its number.
    """

    unreadable: tuple[str, ...]
    """Every image that was replaced, with the reason."""

    def __init__(
        self,
        faces: AbstractFaces,
        *,
        size_px: int | None = None,
        memory_mb: int = 4096,
        tolerance: float = 0.001,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        """``size_px`` None takes the first crop's size; ``progress`` is told how many images are done.

        Raises:
            UserError: more than the share ``tolerance`` of the images cannot be read.
        """
        self._faces = same_size(faces, size_px)
        shape = (len(faces), self._faces.size_px, self._faces.size_px, 3)
        fits = np.prod(shape, dtype=np.int64) <= memory_mb * 2**20
        self._pixels = np.empty(shape, dtype=np.uint8) if fits else None
        failures = self._read_all(progress)
        _check_share(tuple(failures.values()), len(faces), tolerance)
        self._source = _replaced(len(faces), list(failures))
        self.unreadable = tuple(failures.values())
        self.identities = faces.identities
        self.labels = faces.labels[self._source]

    def image(self, index: int) -> UInt8[np.ndarray, "S S 3"]:
        source = int(self._source[index])
        return self._faces.image(source) if self._pixels is None else self._pixels[source]

    def name(self, index: int) -> str:
        return self._faces.name(int(self._source[index]))

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        return self._faces.landmarks_px(int(self._source[index]))

    def _read_all(self, progress: Callable[[int], object] | None) -> dict[int, str]:
        """Reasons by number for what cannot be read. Threads suffice: decoders work outside the interpreter's lock."""
        failures: dict[int, str] = {}
        with ThreadPoolExecutor() as threads:
            for chunk in _chunks(len(self._faces)):
                reasons = threads.map(self._read, chunk)
                failures |= {index: reason for index, reason in zip(chunk, reasons, strict=True) if reason is not None}
                if progress is not None:
                    progress(chunk.stop)
        return failures

    def _read(self, index: int) -> str | None:
        try:
            pixels = self._faces.image(index)
        except UnreadableImage as error:
            return str(error)
        if self._pixels is not None:
            self._pixels[index] = pixels
        return None


def _chunks(count: int) -> Iterator[range]:
    return (range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))


def _check_share(reasons: Sequence[str], count: int, tolerance: float) -> None:
    if len(reasons) > tolerance * count:
        shown = "; ".join(reasons[:5]) + ("; ..." if len(reasons) > 5 else "")
        raise UserError(
            f"{len(reasons)} of {count} images cannot be read, more than the {100 * tolerance:g} % allowed: {shown}. "
            "Repair or remove these files."
        )


def _replaced(count: int, unreadable: list[int]) -> Int[np.ndarray, " N"]:
    """For every number the number to read: itself, or the next readable one, from the last on to the first."""
    readable = np.setdiff1d(np.arange(count), unreadable)
    return readable[np.searchsorted(readable, np.arange(count)) % len(readable)]
