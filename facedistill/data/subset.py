"""Some of a set's faces, perhaps under other labels."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8

from ..types import UNLABELLED
from .contract import AbstractFaces


class Subset(AbstractFaces):
    """The faces at ``indices`` of another set, numbered anew, with that set's identities."""

    def __init__(self, faces: AbstractFaces, indices: Int[np.ndarray, " M"]) -> None:
        self._faces, self._indices = faces, indices
        self.identities = faces.identities
        self.labels = faces.labels[indices]

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        return self._faces.image(int(self._indices[index]))

    def name(self, index: int) -> str:
        return self._faces.name(int(self._indices[index]))

    def encoded(self, index: int) -> bytes | None:
        return self._faces.encoded(int(self._indices[index]))

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        return self._faces.landmarks_px(int(self._indices[index]))


class People(Subset):
    """The faces of some identities, whose labels are their places in ``labels``.

    Faces without a label stay only where ``unlabelled`` says so.
    """

    def __init__(self, faces: AbstractFaces, labels: Sequence[int], *, unlabelled: bool = False) -> None:
        kept = [*labels, UNLABELLED] if unlabelled else list(labels)
        super().__init__(faces, np.flatnonzero(np.isin(faces.labels, kept)))
        place = {label: number for number, label in enumerate(labels)} | {UNLABELLED: UNLABELLED}
        self.identities = tuple(faces.identities[label] for label in labels)
        self.labels = np.array([place[int(label)] for label in self.labels], dtype=np.int64)
