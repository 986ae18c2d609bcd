"""What a set of faces holds: counts, how many images each identity has, and of which size."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from ..types import UNLABELLED
from .codec import check
from .contract import AbstractFaces, UnreadableImage
from .evenly import evenly
from .header import read_header


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


@dataclass(frozen=True)
class Sizes:
    """Sides of images, as their files announce them."""

    images: Mapping[tuple[int, int], int]
    """How many have (width, height) in pixels, the commonest first."""
    looked_at: int
    unreadable: int
    """Of these; `data verify` looks at every pixel and says why."""


def sizes(faces: AbstractFaces, *, at_most: int = 10_000) -> Sizes:
    """Sides of all images, or of ``at_most`` spread evenly over the set. Files are not decoded."""
    chosen = evenly(len(faces), at_most)
    found: Counter[tuple[int, int]] = Counter()
    for index in chosen.tolist():
        with suppress(UnreadableImage):
            found[_size(faces, index)] += 1
    return Sizes(dict(found.most_common()), len(chosen), len(chosen) - found.total())


def _size(faces: AbstractFaces, index: int) -> tuple[int, int]:
    data = faces.encoded(index)
    if data is None:
        height, width = faces.image(index).shape[:2]
        return width, height
    check(data)
    header = read_header(data)
    return header.width, header.height
