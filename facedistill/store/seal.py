"""Checksums of a store: SHA-256 for its small files, CRC-32 for every block of rows, which is read four times as fast.

They find accidents. Nothing in a store can run, and nobody is kept from writing another one.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..files import file_digest, to_disk
from .layout import CENTRES, DIGESTS, HEADER, SEAL, Block, Layout


@dataclass(frozen=True)
class Written:
    """A block that is on the disk."""

    block: Block
    crc32: Mapping[str, int]
    """Of its rows by column."""

    def dump(self) -> str:
        return json.dumps({**vars(self.block), "crc32": dict(self.crc32)}) + "\n"


def read_written(folder: Path) -> list[Written]:
    """The blocks of a store, finished or not; a last line that a crash cut off is left out."""
    file = folder / DIGESTS
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.is_file() else []
    return [_parsed(json.loads(line)) for line in lines]


def _parsed(values: dict[str, Any]) -> Written:
    return Written(Block(values["picture"], values["start"], values["stop"]), values["crc32"])


def seal(folder: Path) -> None:
    """Say what the small files of a finished store are, and have the disk keep all of it."""
    digests = {name: file_digest(folder / name) for name in (HEADER, DIGESTS, CENTRES) if (folder / name).is_file()}
    (folder / SEAL).write_text(json.dumps(digests, indent=2) + "\n")
    for file in (*(folder / name for name in digests), folder / SEAL, folder):
        to_disk(file)


def check_small(folder: Path) -> None:
    """Refuse a store whose header, checksums or centres are not what was written.

    Raises:
        UserError: names the file.
    """
    try:
        digests = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        changed = [name for name, digest in digests.items() if file_digest(folder / name) != digest]
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"The store {folder} is damaged ({error}); build it again.") from None
    if changed:
        raise UserError(f"The store {folder} is damaged: {changed[0]} is not what was written; build it again.")


def damaged(
    folder: Path,
    layout: Layout,
    *,
    share: tuple[int, int] = (0, 1),
    progress: Callable[[int], object] = lambda done: None,
) -> Iterator[str]:
    """Every block whose rows are not what was written, as words.

    Args:
        share: every n-th block from the k-th on, for one of n processes.
        progress: told how many blocks have been looked at.
    """
    known = {each.block: each.crc32 for each in read_written(folder)}
    mine: Sequence[Block] = list(layout.blocks())[share[0] :: share[1]]
    for done, block in enumerate(mine, start=1):
        yield from _damaged_columns(folder, layout, block, known.get(block, {}))
        progress(done)


def _damaged_columns(folder: Path, layout: Layout, block: Block, known: Mapping[str, int]) -> Iterator[str]:
    shard, first = divmod(block.start, layout.shard_rows)
    for column in layout.columns:
        file = layout.file(block.picture, shard, column)
        where = f"{file}, samples {block.start} to {block.stop - 1}"
        try:
            rows = np.load(folder / file, mmap_mode="r", allow_pickle=False)[first : first + block.stop - block.start]
        except (OSError, ValueError) as error:
            yield f"{where}: {error}"
            continue
        whole = rows.dtype == column.dtype and rows.shape == (block.stop - block.start, *column.shape)
        if not whole or zlib.crc32(np.ascontiguousarray(rows).data) != known.get(column.name):
            yield f"{where}: not what was written"
