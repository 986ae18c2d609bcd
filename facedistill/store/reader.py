"""Rows of a store by sample and view."""

import mmap
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import UserError
from .codec import CODECS
from .header import read_header
from .layout import Column

Numbers = Int[np.ndarray, " B"]


class Reader:
    """Maps a store's shards into memory as they are asked for.

    Raises:
        UserError: there is no store, or one that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.header = folder, read_header(folder)
        self._layout, self._codec = self.header.layout, CODECS[self.header.dtype]
        self._maps: dict[tuple[int, str], np.ndarray] = {}

    def answers(self, index: Numbers, picture: Numbers) -> Mapping[str, Tensor]:
        """Everything held of ``picture`` of each sample, in float32, by the answer's name.

        Raises:
            UserError: a sample or a picture that is not held, or a shard that cannot be read.
        """
        self._check(index, picture)
        rows = {column.name: torch.from_numpy(self._rows(column, index, picture)) for column in self._layout.columns}
        return {answer: self._codec.unpack(answer, rows) for answer in self.header.answers}

    def _check(self, index: Numbers, picture: Numbers) -> None:
        for numbers, count, what in ((index, self._layout.samples, "face"), (picture, self._layout.pictures, "view")):
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < count:
                raise UserError(f"The store {self.folder} holds {count} {what}s, and {what} {numbers.max()} was asked.")

    def _rows(self, column: Column, index: Numbers, picture: Numbers) -> np.ndarray:
        shard, row = np.divmod(index, self._layout.shard_rows)
        place = picture * self._layout.shards + shard
        first = int(place[0]) if len(place) else 0
        if (place == first).all():
            return self._shard(first, column)[row]
        rows = np.empty((len(index), *column.shape), dtype=column.dtype)
        order = np.argsort(place, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
            rows[group] = self._shard(int(place[group[0]]), column)[row[group]]
        return rows

    def _shard(self, place: int, column: Column) -> np.ndarray:
        if (place, column.name) not in self._maps:
            self._maps[place, column.name] = self._opened(*divmod(place, self._layout.shards), column)
        return self._maps[place, column.name]

    def _opened(self, picture: int, shard: int, column: Column) -> np.ndarray:
        file = self.folder / self._layout.file(picture, shard, column)
        try:
            mapped = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"The store {self.folder} is damaged ({error}); build it again.") from None
        expected = (self._layout.rows_in(shard), *column.shape)
        if mapped.shape != expected or mapped.dtype != column.dtype:
            raise UserError(f"The store {self.folder} is damaged: {file.name} is {mapped.shape}, not {expected}.")
        if isinstance(mapped.base, mmap.mmap) and self._fits_in_memory:
            _read_ahead(mapped.base)
        return np.asarray(mapped)

    @property
    def _fits_in_memory(self) -> bool:
        """Whether two pictures of all faces may stay in memory, the one in use and the next."""
        return 2 * self._layout.row_bytes * self._layout.samples < _memory_bytes() / 2


def _read_ahead(mapped: mmap.mmap) -> None:
    """Rows are asked for in a shuffled order, which a disk reads far slower than all of them in turn."""
    with suppress(AttributeError):  # not on Windows
        mapped.madvise(mmap.MADV_WILLNEED)


def _memory_bytes() -> int:
    """Of the machine; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
