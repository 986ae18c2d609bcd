"""Several sets of faces as one, with the identities they share."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from ..types import UNLABELLED
from .contract import AbstractFaces


class Joined(AbstractFaces):
    """The faces of named parts, one part after the other; two are of one identity where their names are the same."""

    def __init__(self, parts: Mapping[str, AbstractFaces], identities: Sequence[str | None]) -> None:
        """``identities`` names the person on every image, or nobody."""
        self._names, self._parts = tuple(parts), tuple(parts.values())
        self._ends = np.cumsum([len(part) for part in self._parts]).tolist()
        self.identities = tuple(sorted({name for name in identities if name is not None}))
        places: dict[str | None, int] = {name: place for place, name in enumerate(self.identities)}
        self.labels = np.array([places.get(name, UNLABELLED) for name in identities], dtype=np.int64)

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        part, inner = self._find(index)
        return self._parts[part].image(inner)

    def name(self, index: int) -> str:
        part, inner = self._find(index)
        return f"{self._names[part]}/{self._parts[part].name(inner)}"

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        part, inner = self._find(index)
        return self._parts[part].landmarks_px(inner)

    def _find(self, index: int) -> tuple[int, int]:
        part = bisect_right(self._ends, index)
        return part, index - (self._ends[part] - len(self._parts[part]))
