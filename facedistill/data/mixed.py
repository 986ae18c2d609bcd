"""Labelled faces with unlabelled ones behind them: distillation needs no names."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from ..types import UNLABELLED
from .contract import AbstractFaces


class Mixed(AbstractFaces):
    """The faces of ``labelled``, then those of every set in ``unlabelled``, all of these ``UNLABELLED``."""

    def __init__(self, labelled: AbstractFaces, unlabelled: Sequence[AbstractFaces]) -> None:
        self._parts = (labelled, *unlabelled)
        self._ends = np.cumsum([len(part) for part in self._parts]).tolist()
        self.identities = labelled.identities
        extra = self._ends[-1] - len(labelled)
        self.labels = np.concatenate([labelled.labels, np.full(extra, UNLABELLED, dtype=np.int64)])

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        part, inner = self._find(index)
        return part.image(inner)

    def name(self, index: int) -> str:
        part, inner = self._find(index)
        return part.name(inner)

    def encoded(self, index: int) -> bytes | None:
        part, inner = self._find(index)
        return part.encoded(inner)

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        part, inner = self._find(index)
        return part.landmarks_px(inner)

    def _find(self, index: int) -> tuple[AbstractFaces, int]:
        number = bisect_right(self._ends, index)
        part = self._parts[number]
        return part, index - (self._ends[number] - len(part))
