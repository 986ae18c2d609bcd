"""Labelled faces with unlabelled ones behind them: distillation needs no names."""

from collections.abc import Sequence

import numpy as np

from ..types import UNLABELLED
from .contract import AbstractFaces
from .parts import AbstractParts


class Mixed(AbstractParts):
    """The faces of ``labelled``, then those of every set in ``unlabelled``, all of these ``UNLABELLED``."""

    def __init__(self, labelled: AbstractFaces, unlabelled: Sequence[AbstractFaces]) -> None:
        super().__init__([labelled, *unlabelled])
        self.identities = labelled.identities
        extra = sum(map(len, unlabelled))
        self.labels = np.concatenate([labelled.labels, np.full(extra, UNLABELLED, dtype=np.int64)])

    def name(self, index: int) -> str:
        part, inner = self._find(index)
        return self._parts[part].name(inner)
