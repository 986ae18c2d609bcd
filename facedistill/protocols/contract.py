"""What a benchmark is: a set of faces on disk, and the rules that turn embeddings of them into figures."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from ..data.contract import AbstractFaces
from ..evaluate.embeddings.embed import Embeddings
from ..evaluate.intervals.measure import Measure
from ..evaluate.settings import Figures, Settings


@dataclass(frozen=True)
class Row:
    """One figure for people."""

    figure: str
    value: float
    """A share; printed in percent."""
    interval: tuple[float, float] | None
    note: str


@dataclass(frozen=True)
class PairScores:
    """Scores that pictures are drawn from; a large set may be thinned."""

    genuine: Float[np.ndarray, " G"]
    impostor: Float[np.ndarray, " I"]
    stands_for: Float[np.ndarray, " I"] | None = None
    """How many impostor pairs each of those listed stands for; one each by default."""


class AbstractProtocol(ABC):
    """One benchmark, opened; nothing is embedded before all benchmarks of a command are open.

    The first line of a benchmark's documentation says what it looks for on disk, in words fit for an error.
    """

    general: ClassVar[bool] = False
    """Whether it takes sets that have no names of their own, and stands back where another recognises the path."""

    faces: AbstractFaces
    """Every image that the rules need."""

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Whether ``path`` looks like such a set, judged by names alone; nothing is decoded."""

    @classmethod
    @abstractmethod
    def open(cls, path: Path) -> "AbstractProtocol":
        """The benchmark at ``path``.

        Raises:
            UserError: a list or an image that is missing or cannot be read.
        """

    @abstractmethod
    def figures(self, seen: Embeddings, settings: Settings) -> Figures:
        """Figures with intervals, ready for JSON; ``protocol`` in them states the rules in words."""

    @abstractmethod
    def rows(self, figures: Figures) -> Iterator[Row]:
        """What of the figures a table shows."""

    @abstractmethod
    def pair_scores(self, seen: Embeddings, settings: Settings) -> PairScores | None:
        """What ROC and histogram are drawn from; None where pairs mean nothing."""

    def between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Figures | None:
        """Figures of one network's queries against another's gallery, or of one network's answers to altered images
        against those to the images as they are; None where the rules know no such sides."""
        return None

    def measure(self, seen: Embeddings, settings: Settings) -> Measure | None:
        """The main figures as a function of what is drawn, for paired differences; None where there are none."""
        return None

    def measure_between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Measure | None:
        """As ``measure``, of the same units, for the two sides of ``between``."""
        return None
