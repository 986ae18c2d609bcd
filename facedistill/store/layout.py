"""Where a store keeps what: one array a column, cut into shards, each a plain .npy file.

<store>/store.json            what it is of, and everything below
        digests.jsonl         a checksum for every block of rows
        centres.safetensors   class centres, where the recipe asked for any
        seal.json             SHA-256 of these three
        0003/00000.embedding.npy     picture 3 of the samples in shard 0, a row each
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

BLOCK = 2048
"""Rows between two moments that a killed build goes on from; each has a checksum."""

SHARD_BYTES = 1 << 30
"""A shard's largest file is about as large, so that stores can be copied, and read from few files."""

HEADER, DIGESTS, CENTRES, SEAL = "store.json", "digests.jsonl", "centres.safetensors", "seal.json"


@dataclass(frozen=True)
class Column:
    """An array with a row for every sample."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """Of a row."""

    @property
    def row_bytes(self) -> int:
        return np.dtype(self.dtype).itemsize * prod(self.shape)


@dataclass(frozen=True)
class Block:
    """Rows that were written together."""

    picture: int
    start: int
    """First sample."""
    stop: int


@dataclass(frozen=True)
class Layout:
    """All columns of a store, and where their rows are."""

    columns: tuple[Column, ...]
    samples: int
    pictures: int
    shard_rows: int
    block_rows: int

    @property
    def row_bytes(self) -> int:
        """Of one answer."""
        return sum(column.row_bytes for column in self.columns)

    @property
    def answers(self) -> int:
        return self.samples * self.pictures

    @property
    def total_bytes(self) -> int:
        return self.row_bytes * self.answers

    @property
    def block_count(self) -> int:
        return self.pictures * -(-self.samples // self.block_rows)

    @property
    def shards(self) -> int:
        """Of one picture and one column."""
        return -(-self.samples // self.shard_rows)

    def rows_in(self, shard: int) -> int:
        return min(self.shard_rows, self.samples - shard * self.shard_rows)

    def file(self, picture: int, shard: int, column: Column) -> Path:
        """Below the store's folder."""
        return Path(f"{picture:04d}", f"{shard:05d}.{column.name}.npy")

    def blocks(self) -> Iterator[Block]:
        """In the order of writing. No block lies in two shards."""
        for picture in range(self.pictures):
            for start in range(0, self.samples, self.block_rows):
                yield Block(picture, start, min(start + self.block_rows, self.samples))


def laid_out(columns: Sequence[Column], samples: int, pictures: int) -> Layout:
    """A layout whose shards hold whole blocks."""
    largest = max(column.row_bytes for column in columns)
    blocks = min(max(1, SHARD_BYTES // (largest * BLOCK)), -(-samples // BLOCK))
    return Layout(tuple(columns), samples, pictures, blocks * BLOCK, BLOCK)
