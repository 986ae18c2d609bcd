"""Writes a store block by block into a folder beside its place, which takes that place once all is there.

A block's rows reach the disk before the line that says so: whatever was killed, and when, goes on behind the last
line, and what came after it is written again.
"""

import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
from torch import Tensor

from ..errors import UserError
from ..files import refuse_existing, to_disk, write_text
from .codec import CODECS
from .header import Header, read_header
from .layout import DIGESTS, HEADER, Block, Column
from .seal import Written, read_written, seal
from .subject import differing

Rows = Iterable[Mapping[str, Tensor]]
"""Answers of consecutive samples in float32, by name."""


class Writer:
    """A store in the making.

    Args:
        out: where it will be.
        header: of the whole.

    Raises:
        UserError: there is something at ``out``; what is being made beside it is another store.
    """

    def __init__(self, out: Path, header: Header) -> None:
        check_free(out)
        self._out, self._header, self._codec = out, header, CODECS[header.dtype]
        self._folder = unfinished(out)
        if (self._folder / HEADER).is_file():
            _check_same(read_header(self._folder), header, self._folder)
        else:
            self._begin()
        self.written = read_written(self._folder)
        # A line that a crash cut off goes.
        (self._folder / DIGESTS).write_text("".join(each.dump() for each in self.written), encoding="utf-8")

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write_text(self._folder / HEADER, self._header.dump())

    @property
    def left(self) -> list[Block]:
        """Blocks that are not written yet, in order."""
        return list(self._header.layout.blocks())[len(self.written) :]

    def write(self, block: Block, rows: Rows) -> None:
        """Append the block that is next.

        Raises:
            UserError: an answer that cannot be kept.
        """
        with ExitStack() as stack:
            files = {c.name: stack.enter_context(self._open(block, c)) for c in self._header.layout.columns}
            checks = dict.fromkeys(files, 0)
            for name, data in self._packed(rows):
                checks[name] = zlib.crc32(data, checks[name])
                files[name].write(data)
            for file in files.values():
                _flush(file)
        with (self._folder / DIGESTS).open("ab") as lines:
            lines.write(Written(block, checks).dump().encode())
            _flush(lines)
        self.written.append(Written(block, checks))

    def _packed(self, rows: Rows) -> Iterator[tuple[str, memoryview]]:
        for batch in rows:
            for answer in self._header.answers:
                for name, values in self._codec.pack(answer, batch[answer]).items():
                    yield name, np.ascontiguousarray(values.cpu().numpy()).data

    def _open(self, block: Block, column: Column) -> BinaryIO:
        """The column's file behind its last whole block."""
        layout = self._header.layout
        shard, row = divmod(block.start, layout.shard_rows)
        path = self._folder / layout.file(block.picture, shard, column)
        path.parent.mkdir(exist_ok=True)
        head = _npy_head(column, layout.rows_in(shard))
        file = path.open("r+b" if row else "w+b")
        if not row:
            file.write(head)
        file.truncate(len(head) + row * column.row_bytes)
        file.seek(0, os.SEEK_END)
        return file

    def finish(self, keep: Callable[[Path], object] = lambda folder: None) -> None:
        """Let the store take its place; ``keep`` may put further small files in.

        Raises:
            UserError: blocks are missing.
        """
        if self.left:
            raise UserError(f"{self._folder} lacks {len(self.left)} blocks; go on with the same command.")
        keep(self._folder)
        for folder in filter(Path.is_dir, self._folder.iterdir()):
            to_disk(folder)
        seal(self._folder)
        os.replace(self._folder, self._out)
        to_disk(self._out.parent)


def check_free(out: Path) -> None:
    """Refuse a place that is taken.

    Raises:
        UserError: says so.
    """
    refuse_existing(out, "folder for the store")


def unfinished(out: Path) -> Path:
    """Where a store is while it is made."""
    return out.with_name(f"{out.name}.partial")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _npy_head(column: Column, rows: int) -> bytes:
    """What stands before the rows of an .npy file."""
    head = io.BytesIO()
    form = {"descr": np.dtype(column.dtype).str, "fortran_order": False, "shape": (rows, *column.shape)}
    np.lib.format.write_array_header_1_0(head, form)
    return head.getvalue()


def _check_same(begun: Header, wanted: Header, folder: Path) -> None:
    pairs = {"of": (begun.of, wanted.of), "answers": (begun.answers, wanted.answers)}
    unlike = [f"{key}.{inner}" for key, (own, other) in pairs.items() for inner in differing(own, other)]
    unlike += ["layout"] if begun.layout != wanted.layout else []
    if unlike:
        raise UserError(
            f"{folder} was begun as another store ({', '.join(unlike[:4])}); remove it, or choose another --out."
        )
