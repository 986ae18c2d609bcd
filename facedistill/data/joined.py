"""Several sets of faces as one, with the identities they share."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..types import UNLABELLED
from .contract import AbstractFaces
from .parts import AbstractParts


class Joined(AbstractParts):
    """The faces of named parts, one part after the other; two are of one identity where their names are the same."""

    def __init__(self, parts: Mapping[str, AbstractFaces], identities: Sequence[str | None]) -> None:
        """``identities`` names the person on every image, or nobody."""
        super().__init__(list(parts.values()))
        self._names = tuple(parts)
        self.identities = tuple(sorted({name for name in identities if name is not None}))
        places: dict[str | None, int] = {name: place for place, name in enumerate(self.identities)}
        self.labels = np.array([places.get(name, UNLABELLED) for name in identities], dtype=np.int64)

    def name(self, index: int) -> str:
        part, inner = self._find(index)
        return f"{self._names[part]}/{self._parts[part].name(inner)}"
