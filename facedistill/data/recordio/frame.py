"""How payloads lie in a ``.rec`` file: magic, 3 bits of kind, 29 bits of length, payload, zeros to 4 bytes.

All numbers are little-endian. A payload that holds the magic at a multiple of 4 is cut there into parts, each with a
head of its own; whoever reads joins them with the magic between.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise

MAGIC = 0xCED7230A
HEAD = struct.Struct("<II")
"""Magic, and kind with length."""

WHOLE, FIRST, MIDDLE, LAST = range(4)
"""Kinds of parts."""
LENGTH_BITS = 29
LENGTH_MASK = (1 << LENGTH_BITS) - 1

_MAGIC = struct.pack("<I", MAGIC)


def pack(payload: bytes) -> bytes:
    """A payload as it lies in the file.

    Raises:
        ValueError: the payload is longer than 29 bits can say.
    """
    if len(payload) > LENGTH_MASK:
        raise ValueError(f"{len(payload)} bytes are more than a record of {LENGTH_MASK} bytes takes")
    cuts = list(_cuts(payload))
    if not cuts:
        return _part(WHOLE, payload)
    pieces = [payload[: cuts[0]], *(payload[start + 4 : end] for start, end in pairwise([*cuts, len(payload)]))]
    kinds = [FIRST, *[MIDDLE] * (len(cuts) - 1), LAST]
    return b"".join(map(_part, kinds, pieces))


def padded(length: int) -> int:
    """Bytes that ``length`` bytes of payload take up."""
    return length + 3 & ~3


def spans(view: memoryview, start: int, end: int) -> list[tuple[int, int]]:
    """(begin, end) of the payload of every part of the record at ``start``, none of which reaches beyond ``end``.

    Raises:
        ValueError: says what is wrong and at which byte.
    """
    found: list[tuple[int, int]] = []
    at, last = start, False
    while not last:
        kind, length = _head(view, at, end)
        last = kind in (WHOLE, LAST)
        if (kind in (WHOLE, FIRST)) != (at == start):
            raise ValueError(f"byte {at} begins part {kind} of a record where another part is due")
        found.append((at + HEAD.size, at + HEAD.size + length))
        at += HEAD.size + padded(length)
    return found


def join(view: memoryview, parts: list[tuple[int, int]]) -> memoryview:
    """The payload whose parts lie at ``parts``; a copy if there is more than one."""
    if len(parts) == 1:
        return view[slice(*parts[0])]
    return memoryview(_MAGIC.join(view[begin:end] for begin, end in parts))


def _head(view: memoryview, at: int, end: int) -> tuple[int, int]:
    """Kind and length of the part at ``at``."""
    if at + HEAD.size > end:
        raise ValueError(f"a record is due at byte {at}, and {max(0, end - at)} bytes are left")
    magic, word = HEAD.unpack_from(view, at)
    kind, length = word >> LENGTH_BITS, word & LENGTH_MASK
    if magic != MAGIC or kind > LAST:
        raise ValueError(f"no record begins at byte {at}")
    if at + HEAD.size + length > end:
        raise ValueError(f"the record at byte {at} announces {length} bytes, and {end - at - HEAD.size} are left")
    return kind, length


def _cuts(payload: bytes) -> Iterator[int]:
    """Where the magic lies at a multiple of 4."""
    at = payload.find(_MAGIC)
    while at >= 0:
        if at % 4 == 0:
            yield at
        # A magic cannot overlap itself: its four bytes differ.
        at = payload.find(_MAGIC, at + (4 if at % 4 == 0 else 1))


def _part(kind: int, piece: bytes) -> bytes:
    return HEAD.pack(MAGIC, kind << LENGTH_BITS | len(piece)) + piece + bytes(-len(piece) % 4)
