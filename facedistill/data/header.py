"""What an image file says about itself before anything is decoded: its sides, and whether its end is there.

Decoders may fill a truncated picture with grey, or allocate gigabytes for a header that lies.
"""

from collections.abc import Callable
from typing import NamedTuple


class Header(NamedTuple):
    """Sides in pixels, and whether the file reaches its own end."""

    width: int
    height: int
    complete: bool


def read_header(data: bytes) -> Header:
    """The header of a JPEG, PNG, WebP or BMP file.

    Raises:
        ValueError: another format, or no header.
    """
    for signature, parse in _FORMATS.items():
        if data.startswith(signature):
            try:
                return parse(data)
            except IndexError:
                raise ValueError("its header is cut off") from None
    raise ValueError("it is no JPEG, PNG, WebP or BMP image")


def _jpeg(data: bytes) -> Header:
    """Walks the marker segments (ITU-T T.81, B.1.1) up to the first scan."""
    width = height = 0
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        length = _big(data, at + 2, 2)
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if _is_frame(marker):
            height, width = _big(data, at + 5, 2), _big(data, at + 7, 2)
        at += 2 + length
        if marker == 0xDA:
            # Inside a scan 0xFF is followed by 0 or a restart marker, so this pair can only be the end.
            return Header(width, height, data.find(b"\xff\xd9", at) >= 0)
    raise ValueError("its JPEG segments are damaged")


def _is_frame(marker: int) -> bool:
    """SOF0 to SOF15; 0xC4, 0xC8 and 0xCC lie between them and mean something else."""
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


def _png(data: bytes) -> Header:
    return Header(_big(data, 16, 4), _big(data, 20, 4), data.rfind(b"IEND\xaeB`\x82") > 0)


def _webp(data: bytes) -> Header:
    """RFC 9649: lossy (VP8), lossless (VP8L) and extended (VP8X) files."""
    complete = len(data) >= 8 + _little(data, 4, 4)
    kind = data[12:16]
    if kind == b"VP8X":
        return Header(1 + _little(data, 24, 3), 1 + _little(data, 27, 3), complete)
    if kind == b"VP8L":
        bits = _little(data, 21, 4)
        return Header(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), complete)
    if kind == b"VP8 ":
        return Header(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF, complete)
    raise ValueError("it is no JPEG, PNG, WebP or BMP image")


def _bmp(data: bytes) -> Header:
    """The file header's size field is often wrong in the wild, so the decoder judges whether all rows are there."""
    if _little(data, 14, 4) == 12:  # BITMAPCOREHEADER
        return Header(_little(data, 18, 2), _little(data, 20, 2), True)
    width = int.from_bytes(_bytes(data, 18, 4), "little", signed=True)
    height = int.from_bytes(_bytes(data, 22, 4), "little", signed=True)
    return Header(abs(width), abs(height), True)  # negative: rows from the top


_FORMATS: dict[bytes, Callable[[bytes], Header]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"BM": _bmp,
}


def _big(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(_bytes(data, at, count), "big")


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(_bytes(data, at, count), "little")


def _bytes(data: bytes, at: int, count: int) -> bytes:
    if at + count > len(data):
        raise IndexError
    return data[at : at + count]
