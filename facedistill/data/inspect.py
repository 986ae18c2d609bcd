"""What a set of faces holds: counts, and how many images each identity has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from ..types import UNLABELLED
from .contract import AbstractFaces


@dataclass(frozen=True)
class Bin:
    """Identities with ``first`` to ``last`` images."""

    first: int
    last: int
    identities: int

    @property
    def span(self) -> str:
        return str(self.last) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True)
class Counts:
    """A set in numbers."""

    images: int
    identities: int
    unlabelled: int
    images_per_identity: Int[np.ndarray, " K"]


def count(faces: AbstractFaces) -> Counts:
    """Images, identities, and the images of every identity in the order of the labels."""
    labelled = faces.labels[faces.labels != UNLABELLED]
    per_identity = np.bincount(labelled, minlength=len(faces.identities))
    return Counts(len(faces), len(faces.identities), len(faces) - len(labelled), per_identity)


def histogram(images_per_identity: Int[np.ndarray, " K"]) -> Sequence[Bin]:
    """Identities by their number of images, in bins that double: 0, 1, 2-3, 4-7, ... Ends with the last filled bin."""
    # The exponent of a whole number is exact where a logarithm is not.
    places = np.frexp(images_per_identity.astype(np.float64))[1]
    return [Bin(1 << place >> 1, max(0, (1 << place) - 1), int(n)) for place, n in enumerate(np.bincount(places))]
