"""Which pictures a store holds an answer for, and which of them a view is.

In general every view is a picture of its own. Where views only mirror, as in most published recipes, a face has two
pictures, and where they do nothing it has one, however long the training.
"""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from ..data.chance import Purpose
from ..data.first_draw import first_draws
from ..data.mix import Mix
from ..data.views import Views
from ..signature import call
from .header import Header

Numbers = Int[np.ndarray, " B"]


class AbstractPictures(ABC):
    """The pictures of every face, numbered from 0."""

    count: int

    @abstractmethod
    def drawn(self, picture: int) -> tuple[Views, int]:
        """Views, and the view number, that show ``picture`` of any face."""

    @abstractmethod
    def of(self, index: Numbers, view: Numbers) -> Numbers:
        """The picture that each view of each sample shows; it may be one that is not held."""

    @abstractmethod
    def lacking(self, epochs: int) -> int:
        """Views of a training that no picture is held of."""


class EveryView(AbstractPictures):
    """View n is picture n."""

    def __init__(self, views: Views, count: int) -> None:
        self._views, self.count = views, count

    def drawn(self, picture: int) -> tuple[Views, int]:
        return self._views, picture

    def of(self, index: Numbers, view: Numbers) -> Numbers:
        return view

    def lacking(self, epochs: int) -> int:
        return max(0, epochs - self.count)


class CropAndMirror(AbstractPictures):
    """The crop is picture 0, its mirror image picture 1; ``count`` 1 where nothing is ever mirrored."""

    def __init__(self, views: Views, seed: int) -> None:
        self._views, self._seed = views, seed
        self.count = 2 if views.mirror else 1

    def drawn(self, picture: int) -> tuple[Views, int]:
        return replace(self._views, mirror=float(picture)), 0

    def of(self, index: Numbers, view: Numbers) -> Numbers:
        # A view's first draw is its mirror's.
        return (first_draws(Purpose.VIEW, self._seed, index, view) < self._views.mirror).astype(np.int64)

    def lacking(self, epochs: int) -> int:
        return 0


def pictures_of(views: Views, mix: Mix | None, seed: int, epochs: int) -> AbstractPictures:
    """The fewest pictures that serve a training."""
    if mix is None and replace(views, mirror=0.0) == Views.none():
        return CropAndMirror(views, seed)
    return EveryView(views, epochs)


def pictures_in(header: Header) -> AbstractPictures:
    """The pictures of a store."""
    shown = header.of["shown"]
    views = call(Views, shown["views"], where="views")
    mix = None if shown["mix"] is None else call(Mix, shown["mix"], where="mix")
    return pictures_of(views, mix, shown["seed"], header.layout.pictures)
