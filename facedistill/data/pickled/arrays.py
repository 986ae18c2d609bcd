"""The few shapes in which NumPy pickles arrays of uint8, recognised as tokens; nothing is imported or called by name.

What ``numpy.ndarray.__reduce__`` and ``__reduce_ex__(5)`` write, by NumPy 1 and 2, and under Python 2:

    _reconstruct(ndarray, (0,), b"b")  then BUILD (1, shape, dtype, is it Fortran's order, data)     protocols 0 to 4
    _frombuffer(data, dtype, shape, order)                                                          protocol 5
    dtype("u1", False, True)           then BUILD (3, "|", None, None, None, -1, -1, 0)
    _codecs.encode(text, "latin1")     is how protocols 0 to 2 write bytes
"""

import math
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from jaxtyping import UInt8


class Token(Enum):
    """A name that a file may mention. It stands for itself and for nothing that could run."""

    RECONSTRUCT = auto()
    FROMBUFFER = auto()
    NDARRAY = auto()
    DTYPE = auto()
    ENCODE = auto()
    UINT8 = auto()
    """The dtype that ``DTYPE`` answers; no file can name it."""


GLOBALS: dict[tuple[str, str], Token] = {
    ("numpy.core.multiarray", "_reconstruct"): Token.RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): Token.RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): Token.FROMBUFFER,
    ("numpy._core.numeric", "_frombuffer"): Token.FROMBUFFER,
    ("numpy", "ndarray"): Token.NDARRAY,
    ("numpy", "dtype"): Token.DTYPE,
    ("_codecs", "encode"): Token.ENCODE,
}
"""Every name that may be mentioned."""


class NotAnArray(Exception):
    """The names fit, the arguments do not."""


@dataclass(eq=False)
class Array:
    """An array of uint8 that a file builds in two steps; memos refer to it in between."""

    pixels: UInt8[np.ndarray, "..."] | None = None
    """None until it is built."""


def call(token: object, arguments: object) -> object:
    """What ``token(*arguments)`` means: an ``Array``, the dtype, or bytes.

    Raises:
        NotAnArray: anything but the shapes above.
    """
    match token, arguments:
        case Token.RECONSTRUCT, (Token.NDARRAY, (0,), b"b"):
            return Array()
        case Token.FROMBUFFER, (memoryview() as data, Token.UINT8, tuple() as shape, "C" | "F" as order):
            return Array(_shaped(data, shape, order == "F"))
        case Token.DTYPE, ("u1" | b"u1", 0 | 1, 0 | 1):
            return Token.UINT8
        case Token.ENCODE, (str() as text, "latin1" | b"latin1"):
            return memoryview(_latin(text))
    raise NotAnArray


def build(value: object, state: object) -> None:
    """Gives an array its data; a dtype is complete already.

    Raises:
        NotAnArray: anything but the shapes above.
    """
    match value, state:
        case Token.UINT8, (3, "|" | b"|", None, None, None, -1, -1, 0):
            return
        case Array(pixels=None), (1, tuple() as shape, Token.UINT8, 0 | 1 as fortran, memoryview() as data):
            value.pixels = _shaped(data, shape, bool(fortran))
            return
    raise NotAnArray


def _shaped(data: memoryview, shape: tuple[object, ...], fortran: bool) -> UInt8[np.ndarray, "..."]:
    sides = [side for side in shape if type(side) is int and 0 <= side <= len(data)]
    if len(sides) != len(shape) or not 1 <= len(sides) <= 8 or math.prod(sides) != len(data):
        raise NotAnArray
    return np.frombuffer(data, np.uint8).reshape(sides, order="F" if fortran else "C")


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise NotAnArray from None
