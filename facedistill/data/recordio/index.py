"""Where records begin: the lines ``key<TAB>offset`` of an ``.idx`` file, or a walk from record to record."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int

from .frame import HEAD, LENGTH_MASK, MAGIC, padded, spans

PIECE_BYTES = 1 << 22


def parse_index(text: bytes) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """Keys and offsets in bytes, in the order of the lines.

    Raises:
        ValueError: says what is wrong.
    """
    pieces = [_numbers(piece) for piece in _pieces(text)]
    if not pieces:
        raise ValueError("it lists no record")
    keys, offsets = (np.concatenate([piece[column::2] for piece in pieces]) for column in (0, 1))
    if not distinct(keys):
        raise ValueError("it lists a key twice")
    return keys, offsets


def _pieces(text: bytes) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time: all at once would take as much memory again as the text."""
    start = 0
    while start < len(text):
        end = text.rfind(b"\n", start, start + PIECE_BYTES) + 1 or len(text)
        yield text[start:end]
        start = end


def _numbers(piece: bytes) -> Int[np.ndarray, " M"]:
    between = piece.translate(None, b"0123456789\r")
    lines = len(between) + 1 >> 1  # the last may lack its end
    # A text without a number would make NumPy warn rather than return nothing.
    regular = piece[:1].isdigit() and between == (b"\t\n" * lines)[: len(between)]
    numbers = np.fromstring(piece, dtype=np.int64, sep=" ") if regular else np.empty(0, np.int64)
    if not lines or len(numbers) != 2 * lines:
        raise ValueError("it has something else than lines of key, tab and offset")
    return numbers


def distinct(numbers: Int[np.ndarray, " N"]) -> bool:
    """Whether no two are equal. NumPy's ``unique`` takes seconds for the millions that this is asked about."""
    return rises(numbers) or rises(np.sort(numbers))


def rises(numbers: Int[np.ndarray, " N"]) -> bool:
    """Whether every number is above the one before."""
    return bool((numbers[1:] > numbers[:-1]).all())


def walk(view: memoryview) -> Int[np.ndarray, " N"]:
    """Offsets of all records, found by going from one to the next.

    Raises:
        ValueError: says what is wrong and at which byte.
    """
    offsets: list[int] = []
    at, size, unpack = 0, len(view), HEAD.unpack_from
    while at < size:
        offsets.append(at)
        # Nearly all records have one part, and this loop is what opening a set without an index takes.
        magic, word = unpack(view, at) if at + HEAD.size <= size else (0, 0)
        at = at + HEAD.size + padded(word) if word <= LENGTH_MASK and magic == MAGIC else _after(view, at)
    return np.array(offsets, dtype=np.int64)


def _after(view: memoryview, at: int) -> int:
    """Where the record at ``at`` ends, whatever its parts."""
    begin, end = spans(view, at, len(view))[-1]
    return begin + padded(end - begin)
