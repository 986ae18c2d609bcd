"""Lists of millions of integers, a few a line: bytes to numbers in whole chunks, with the line of every mistake."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int

from ...errors import UserError

_CHUNK_BYTES = 1 << 19
"""Read at once; what is made of it fits into the caches."""

_MOST_DIGITS = 9
"""An int32 holds them all."""

_NEWLINE = 10
_BETWEEN = np.zeros(256, dtype=bool)
_BETWEEN[[ord(" "), ord("\t"), ord(",")]] = True


def read_integers(file: Path, columns: int) -> Iterator[tuple[int, Int[np.ndarray, "lines columns"]]]:
    """The number of the first line, from 1, and the integers from there on, a chunk of the file at a time.

    Numbers are not negative, have at most nine digits and stand between blanks, tabs or commas.

    Raises:
        UserError: the file cannot be read, or a line has something else in it.
    """
    line = 1
    for chunk in chunks_of_lines(file):
        numbers = _whole(chunk, columns)
        if numbers is None:
            numbers = _line_by_line(chunk, columns, file, line)
        yield line, numbers
        line += chunk.count(b"\n")


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


def _whole(chunk: bytes, columns: int) -> Int[np.ndarray, "lines columns"] | None:
    """All numbers of a chunk whose every line is well formed; None where any is not."""
    text = np.frombuffer(chunk, dtype=np.uint8)
    ends = np.flatnonzero(text < ord("0"))
    if text.max() > ord("9") or len(ends) % columns:
        return None
    separators = text[ends].reshape(-1, columns)
    if not (_BETWEEN[separators[:, :-1]].all() and (separators[:, -1] == _NEWLINE).all()):
        return None
    digits = np.diff(ends, prepend=-1) - 1
    if digits.min() < 1 or digits.max() > _MOST_DIGITS:
        return None
    sides = zip(ends.reshape(-1, columns).T, digits.reshape(-1, columns).T, strict=True)
    return np.stack([_numbers(text, *side) for side in sides], axis=1)


def _numbers(text: np.ndarray, ends: Int[np.ndarray, " N"], digits: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Numbers of so many digits that end before these places: units, then tens where there are some, and so on."""
    numbers = text[ends - 1].astype(np.int32) - ord("0")
    for place in range(1, int(digits.max())):
        digit = text[ends - 1 - place].astype(np.int32) - ord("0")
        numbers += digit * (10**place * (digits > place)).astype(np.int32)
    return numbers


def _line_by_line(chunk: bytes, columns: int, file: Path, first_line: int) -> Int[np.ndarray, "lines columns"]:
    """The same, slowly: for lines with more than one blank between numbers, and to name the line that is wrong."""
    rows = []
    for number, line in enumerate(chunk.split(b"\n")[:-1], first_line):
        cells = line.replace(b",", b" ").split()
        if len(cells) != columns or not all(cell.isdigit() and len(cell) <= _MOST_DIGITS for cell in cells):
            shown = line[:60].decode(errors="replace").strip()
            raise UserError(f"{file}, line {number}: expected {columns} whole numbers, got '{shown}'.")
        rows.append([int(cell) for cell in cells])
    return np.array(rows, dtype=np.int32)
