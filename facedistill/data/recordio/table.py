"""Where every payload of a ``.rec`` file lies: checked once, then looked up."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt32

from .frame import FIRST, HEAD, LENGTH_BITS, LENGTH_MASK, MAGIC, WHOLE, join, spans
from .index import rises

BLOCK = 1 << 18
"""Records looked at in one go: what is computed on the way stays small, however long the file."""


@dataclass(frozen=True)
class Table:
    """Payloads by place, in flat arrays that processes share."""

    begins: Int[np.ndarray, " N"]
    """Byte where the payload begins, or its first part."""
    lengths: Int[np.ndarray, " N"]
    """Bytes of the payload, its parts joined."""
    parts: dict[int, list[tuple[int, int]]]
    """(begin, end) of every part of those few payloads that have several."""

    def payload(self, view: memoryview, place: int) -> memoryview:
        """A payload, not copied unless it has several parts."""
        if place in self.parts:
            return join(view, self.parts[place])
        begin = self.begins[place]
        return view[begin : begin + self.lengths[place]]

    def of(self, places: Int[np.ndarray, " M"]) -> "Table":
        """The payloads at ``places``, in their order."""
        new = {int(place): number for number, place in enumerate(places) if place in self.parts} if self.parts else {}
        parts = {new[place]: found for place, found in self.parts.items() if place in new}
        return Table(self.begins[places], self.lengths[places], parts)

    def column(self, view: memoryview, number: int) -> UInt32[np.ndarray, " N"]:
        """The payloads' 32-bit word ``number``; 0 where a payload ends before it."""
        words = _words(view)
        column = np.empty(len(self.begins), np.uint32)
        for some in _blocks(len(column)):
            at = np.minimum((self.begins[some] >> 2) + number, len(words) - 1)
            column[some] = np.where(self.lengths[some] >= 4 * number + 4, words[at], 0)
        for place in self.parts:
            word = self.payload(view, place)[4 * number : 4 * number + 4]
            column[place] = int.from_bytes(word, "little") if len(word) == 4 else 0
        return column


def measure(view: memoryview, offsets: Int[np.ndarray, " N"]) -> Table:
    """The payloads of the records at ``offsets``, in any order.

    Raises:
        ValueError: an offset where no record begins, or a record that reaches into the next one or beyond the file.
    """
    _check_inside(view, offsets)
    limits = _limits(offsets, len(view))
    words, lengths, several = _words(view), np.empty(len(offsets), np.int64), np.empty(len(offsets), bool)
    for some in _blocks(len(offsets)):
        at = offsets[some] >> 2
        _check_begin(words[at] == MAGIC, offsets[some])
        kinds, lengths[some] = words[at + 1] >> LENGTH_BITS, words[at + 1] & LENGTH_MASK
        _check_begin(kinds <= FIRST, offsets[some])
        several[some] = kinds != WHOLE
        _check_room(offsets[some], lengths[some], limits[some])
    parts = {place: spans(view, int(offsets[place]), int(limits[place])) for place in np.flatnonzero(several).tolist()}
    for place, found in parts.items():
        lengths[place] = sum(end - begin for begin, end in found) + 4 * (len(found) - 1)
    return Table(offsets + HEAD.size, lengths, parts)


def _check_inside(view: memoryview, offsets: Int[np.ndarray, " N"]) -> None:
    wrong = (offsets < 0) | (offsets > len(view) - HEAD.size)
    if wrong.any():
        raise ValueError(f"its index points to byte {offsets[wrong.argmax()]}, and the file has {len(view)} bytes")
    _check_begin(offsets & 3 == 0, offsets)


def _check_begin(good: Bool[np.ndarray, " N"], offsets: Int[np.ndarray, " N"]) -> None:
    if not good.all():
        raise ValueError(f"no record begins at byte {offsets[good.argmin()]}")


def _check_room(offsets: Int[np.ndarray, " N"], lengths: Int[np.ndarray, " N"], limits: Int[np.ndarray, " N"]) -> None:
    room = limits - offsets - HEAD.size
    if (lengths > room).any():
        place = (lengths > room).argmax()
        raise ValueError(
            f"the record at byte {offsets[place]} announces {lengths[place]} bytes, "
            f"and {max(0, room[place])} are left before the next record or the file's end"
        )


def _limits(offsets: Int[np.ndarray, " N"], size: int) -> Int[np.ndarray, " N"]:
    """For every record the byte where the next one begins, or the file's size."""
    if rises(offsets):
        return np.append(offsets[1:], size)
    order = np.argsort(offsets, kind="stable")
    limits = np.empty_like(offsets)
    limits[order] = np.append(offsets[order][1:], size)
    return limits


def _words(view: memoryview) -> UInt32[np.ndarray, " W"]:
    return np.frombuffer(view, "<u4", len(view) // 4)


def _blocks(count: int) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, count, BLOCK)]
