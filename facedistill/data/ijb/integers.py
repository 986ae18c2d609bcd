"""Lists of millions of integers, a few a line, with the line of every mistake."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int

from ...errors import UserError

_CHUNK_BYTES = 1 << 19
"""Read at once; what is made of it fits into the caches."""


def read_integers(file: Path, columns: int) -> Int[np.ndarray, "lines columns"]:
    """One row a line: integers from 0 to 2^31 - 1 between blanks or tabs.

    Raises:
        UserError: the file cannot be read, is empty, or a line has something else in it.
    """
    lines = sum(chunk.count(b"\n") for chunk in chunks_of_lines(file))
    if not lines:
        raise UserError(f"{file} is empty; each of its lines gives {columns} whole numbers.")
    try:
        numbers = np.loadtxt(file, dtype=np.int32, ndmin=2, comments=None)
    except ValueError:
        raise _wrong_line(file, columns) from None
    # Lines without anything are passed over there, and every later line would be named wrongly.
    if numbers.shape != (lines, columns) or numbers.min() < 0:
        raise _wrong_line(file, columns)
    return numbers


def _wrong_line(file: Path, columns: int) -> UserError:
    """Names the first line that is not ``columns`` whole numbers."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            cells = line.split()
            if len(cells) != columns or not all(cell.isdigit() and int(cell) < 2**31 for cell in cells):
                shown = line[:60].decode(errors="replace").strip()
                return UserError(f"{file}, line {number}: expected {columns} whole numbers, got '{shown}'.")
    return UserError(f"{file}: expected {columns} whole numbers a line; its lines end in an unusual way.")


def chunks_of_lines(file: Path) -> Iterator[bytes]:
    """The file in pieces that end where a line does, each line closed by one newline.

    Raises:
        UserError: the file cannot be read.
    """
    rest = b""
    try:
        with file.open("rb") as lines:
            while block := lines.read(_CHUNK_BYTES):
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    yield (whole + newline).replace(b"\r\n", b"\n")
    except OSError as error:
        raise UserError(f"Cannot read {file}: {error.strerror}.") from None
    if rest:
        yield rest + b"\n"
