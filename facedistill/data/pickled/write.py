"""Writes ``(images, booleans)`` as the pickle that the field's own evaluation scripts load."""

from collections.abc import Callable, Sequence

from .opcodes import CODES

PROTOCOL = 3
"""The first with bytes of its own, so that Python 3 loads the file under any ``encoding``."""


def write_pickle(
    write: Callable[[bytes], object], numbers: Sequence[int], encoded: Callable[[int], bytes], same: Sequence[bool]
) -> None:
    """A list with the bytes of every one of ``numbers``, in order, and a list of booleans.

    ``write`` appends to the file. ``encoded`` is asked once for each number; what comes again refers to the first, as
    Python's own pickles do.
    """
    write(_code("PROTO") + bytes([PROTOCOL]) + _code("EMPTY_LIST", "MARK"))
    places: dict[int, bytes] = {}
    for number in numbers:
        if number in places:
            write(_code("LONG_BINGET") + places[number])
        else:
            places[number] = _four(len(places))
            data = encoded(number)
            write(_code("BINBYTES") + _four(len(data)))
            write(data)
            write(_code("LONG_BINPUT") + places[number])
    write(_code("APPENDS", "EMPTY_LIST", "MARK"))
    write(b"".join(_code("NEWTRUE" if each else "NEWFALSE") for each in same))
    write(_code("APPENDS", "TUPLE2", "STOP"))


def _code(*names: str) -> bytes:
    return bytes(CODES[name] for name in names)


def _four(number: int) -> bytes:
    return number.to_bytes(4, "little")
