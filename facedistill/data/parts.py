"""Several sets of faces, one after the other."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from .contract import AbstractFaces


class AbstractParts(AbstractFaces):
    """The faces of every part in turn; what they are called, and whose they are, is for others to say."""

    def __init__(self, parts: Sequence[AbstractFaces]) -> None:
        self._parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in self._parts]).tolist()

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        part, inner = self._find(index)
        return self._parts[part].image(inner)

    def encoded(self, index: int) -> bytes | None:
        part, inner = self._find(index)
        return self._parts[part].encoded(inner)

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        part, inner = self._find(index)
        return self._parts[part].landmarks_px(inner)

    def _find(self, index: int) -> tuple[int, int]:
        """Number of the part, and the face's number within it."""
        part = bisect_right(self._ends, index)
        return part, index - (self._ends[part] - len(self._parts[part]))
