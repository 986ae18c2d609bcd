"""Batches of views, the same whatever the number of workers; and plain crops in their order."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import UserError
from ..types import UNLABELLED, Batch
from .contract import AbstractFaces, UnreadableImage
from .mix import Mix, mixed
from .order import AbstractOrder, Shuffled
from .resized import Resized, same_size
from .views import Views, view
from .workers import Reader

Loaded = Iterator[tuple[UInt8[Tensor, "B 3 S S"], Batch]]
"""Images and what is known about them. ``Batch.progress`` is 0: only the training loop knows the time."""

_Samples = tuple[Tensor, Tensor, Tensor, Tensor]
_Key = tuple[int, np.ndarray]
_Partner = tuple[int, float] | None
"""With whom a sample is mixed, and its own weight."""


class Loader:
    """Every epoch in another order, in full batches only; epoch n shows view n of every sample.

    Order and views depend on ``seed`` and the epoch alone. ``world`` processes share each batch of ``batch * world``:
    the process ``rank`` takes every world-th sample of it. Shuffled, labelled and unlabelled faces are mixed evenly.
    """

    def __init__(
        self,
        faces: AbstractFaces,
        views: Views,
        *,
        batch: int,
        seed: int,
        workers: int = 0,
        size_px: int | None = None,
        order: AbstractOrder | None = None,
        mix: Mix | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """``workers`` processes make the views, 0 none but this one; ``order`` None is a shuffle, ``mix`` None
        leaves every face its own, ``size_px`` None is the first crop's size.

        Raises:
            UserError: fewer faces than one batch of all processes, or none that ``order`` can fill.
        """
        self._labels, self._batch, self._seed, self._rank, self._world = faces.labels, batch, seed, rank, world
        self._order = order or Shuffled()
        self._order.check(faces.labels, batch * world)
        self._reader = Reader(_Views(same_size(faces, size_px), views, seed, mix), workers)

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._labels) // (self._batch * self._world)

    def epoch(self, number: int, start: int = 0) -> Loaded:
        """The batches of epoch ``number``, the first being 0, from batch ``start`` on.

        Raises:
            UserError: names a file that cannot be read.
            LoaderStopped: its processes died twice.
        """
        rows = self._order.epoch(self._labels, self._batch * self._world, seed=self._seed, number=number)
        keys = [(number, np.ascontiguousarray(row)) for row in rows[start:, self._rank :: self._world]]
        return _read(self._reader, keys)


def replay(
    faces: AbstractFaces,
    views: Views,
    keys: Sequence[_Key],
    *,
    seed: int,
    mix: Mix | None = None,
    workers: int = 0,
    size_px: int | None = None,
) -> Loaded:
    """Chosen views, bit for bit as a ``Loader`` with the same faces, views, seed and mix shows them.

    Args:
        keys: batches, a view number with the samples of each.

    Raises:
        UserError: names a file that cannot be read.
    """
    return _read(Reader(_Views(same_size(faces, size_px), views, seed, mix), workers), keys)


def in_order(faces: AbstractFaces, *, batch: int, workers: int = 0, size_px: int | None = None) -> Loaded:
    """Every crop once, untouched and in order; the last batch may be smaller.

    Raises:
        UserError: names a file that cannot be read.
    """
    numbers = np.arange(len(faces))
    keys = [(0, numbers[start : start + batch]) for start in range(0, len(faces), batch)]
    return replay(faces, Views.none(), keys, seed=0, workers=workers, size_px=size_px)


class _Views(Dataset[_Samples | UnreadableImage]):
    """Whole batches by (view number, samples). A failure is a value here: raised, it would lose its one clear line."""

    def __init__(self, faces: Resized, views: Views, seed: int, mix: Mix | None = None) -> None:
        self._faces, self._views, self._seed, self._mix = faces, views, seed, mix

    def __getitem__(self, key: _Key) -> _Samples | UnreadableImage:
        number, indices = key
        partners = [self._partner(index, number) for index in indices.tolist()]
        try:
            images = self._images(indices.tolist(), partners, number)
        except UnreadableImage as error:
            return error
        alone = np.array([partner is None for partner in partners])
        labels = torch.from_numpy(np.where(alone, self._faces.labels[indices], UNLABELLED))
        return images, labels, torch.from_numpy(indices), torch.full((len(indices),), number)

    def _images(self, indices: Sequence[int], partners: Sequence[_Partner], number: int) -> UInt8[Tensor, "B 3 S S"]:
        images = torch.empty(len(indices), 3, self._faces.size_px, self._faces.size_px, dtype=torch.uint8)
        for index, partner, planes in zip(indices, partners, images.numpy(), strict=True):
            crop = self._view(index, number)
            if partner is not None:
                other, weight = partner
                crop = mixed(crop, self._view(other, number), weight)
            cv2.split(crop, list(planes))
        return images

    def _view(self, index: int, number: int) -> UInt8[np.ndarray, "S S 3"]:
        return view(self._faces.image(index), self._views, seed=self._seed, index=index, number=number)

    def _partner(self, index: int, number: int) -> _Partner:
        if self._mix is None:
            return None
        return self._mix.partner(len(self._faces), seed=self._seed, index=index, number=number)


def _read(reader: Reader, keys: Sequence[_Key]) -> Loaded:
    for loaded in reader.read(keys):
        if isinstance(loaded, UnreadableImage):
            raise UserError(f"An image cannot be read: {loaded}; repair or remove it.")
        images, labels, index, number = loaded
        yield images, Batch(labels, index, number, torch.tensor(0.0))
