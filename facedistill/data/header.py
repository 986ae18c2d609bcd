"""What an image file says about itself before anything is decoded: its sides, and whether its end is there.

Decoders may fill a truncated picture with grey, allocate gigabytes for a header that lies, show the first picture of a
film, or guess the colours of inks.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

_SEGMENT = struct.Struct(">BBH")
"""0xFF, the marker, and the length of what follows, itself included."""


class Header(NamedTuple):
    """Sides in pixels, and whether the file reaches its own end."""

    width: int
    height: int
    complete: bool


def read_header(data: bytes) -> Header:
    """The header of a JPEG, PNG, WebP or BMP file.

    Raises:
        ValueError: another format, no header, an animation, or colours that are neither grey nor RGB of 8 or 16 bits.
    """
    for signature, (_, parse) in _FORMATS.items():
        if data.startswith(signature):
            try:
                return parse(data)
            except (IndexError, struct.error):
                raise ValueError("its header is cut off") from None
    raise ValueError(_foreign(data))


def suffix_of(data: bytes) -> str:
    """The ending that a file with these bytes should have.

    Raises:
        ValueError: another format.
    """
    for signature, (suffix, _) in _FORMATS.items():
        if data.startswith(signature):
            return suffix
    raise ValueError(_foreign(data))


def _foreign(data: bytes) -> str:
    """Why a file is none of ours, with its right name where that is known."""
    for (at, signature), name in _FOREIGN.items():
        if data.startswith(signature, at):
            return f"it is {name}; JPEG, PNG, WebP and BMP are read"
    return "it is not a JPEG, PNG, WebP or BMP image"


def _jpeg(data: bytes) -> Header:
    """Walks the marker segments (ITU-T T.81, B.1.1) up to the first scan."""
    width = height = 0
    at = 2
    while True:
        start, marker, length = _SEGMENT.unpack_from(data, at)
        if start != 0xFF:
            raise ValueError("its JPEG segments are damaged")
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if _is_frame(marker):
            height, width = _big(data, at + 5, 2), _big(data, at + 7, 2)
            _check_samples(data[at + 4], data[at + 9])
        at += 2 + length
        if marker == 0xDA:
            # Inside a scan 0xFF is followed by 0 or a restart marker, so this pair can only be the end.
            return Header(width, height, data.rfind(b"\xff\xd9", at) >= 0)


def _is_frame(marker: int) -> bool:
    """SOF0 to SOF15; 0xC4, 0xC8 and 0xCC lie between them and mean something else."""
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


def _check_samples(bits: int, channels: int) -> None:
    """What four inks look like is the printer's profile to say, and files disagree on whether they are inverted."""
    if channels == 4:
        raise ValueError("it is CMYK, made for print, and its colours cannot be known; save it as RGB")
    if channels not in (1, 3) or bits != 8:
        raise ValueError(f"it has {channels} channels of {bits} bits; JPEGs of 1 or 3 channels of 8 bits are read")


def _png(data: bytes) -> Header:
    if _animated_png(data):
        raise ValueError(_ANIMATED)
    return Header(_big(data, 16, 4), _big(data, 20, 4), data.rfind(b"IEND\xaeB`\x82") > 0)


def _animated_png(data: bytes) -> bool:
    """Whether a chunk acTL stands before the pixels; elsewhere it means nothing (PNG, third edition, 11.3.4)."""
    at = 8
    while (kind := data[at + 4 : at + 8]) not in (b"IDAT", b"IEND", b""):
        if kind == b"acTL":
            return True
        at += 12 + _big(data, at, 4)
    return False


def _webp(data: bytes) -> Header:
    """RFC 9649: lossy (VP8), lossless (VP8L) and extended (VP8X) files."""
    complete = len(data) >= 8 + _little(data, 4, 4)
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & 2:
            raise ValueError(_ANIMATED)
        return Header(1 + _little(data, 24, 3), 1 + _little(data, 27, 3), complete)
    if kind == b"VP8L":
        bits = _little(data, 21, 4)
        return Header(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), complete)
    if kind == b"VP8 ":
        return Header(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF, complete)
    raise ValueError("it is not a JPEG, PNG, WebP or BMP image")


def _bmp(data: bytes) -> Header:
    """The file header's size field is often wrong in the wild, so the decoder judges whether all rows are there."""
    if _little(data, 14, 4) == 12:  # BITMAPCOREHEADER
        return Header(_little(data, 18, 2), _little(data, 20, 2), True)
    width = int.from_bytes(_bytes(data, 18, 4), "little", signed=True)
    height = int.from_bytes(_bytes(data, 22, 4), "little", signed=True)
    return Header(abs(width), abs(height), True)  # negative: rows from the top


_ANIMATED = "it is animated; save one picture of it"

_FORMATS: dict[bytes, tuple[str, Callable[[bytes], Header]]] = {
    b"\xff\xd8\xff": (".jpg", _jpeg),
    b"\x89PNG\r\n\x1a\n": (".png", _png),
    b"RIFF": (".webp", _webp),
    b"BM": (".bmp", _bmp),
}
"""How a file begins, its ending, and what reads its header."""

_FOREIGN = {
    (0, b"GIF8"): "a GIF image",
    (0, b"II*\0"): "a TIFF image",
    (0, b"MM\0*"): "a TIFF image",
    (4, b"ftypavif"): "an AVIF image",
    (4, b"ftyphei"): "a HEIC image",
    (4, b"ftypmif1"): "a HEIF image",
    (4, b"jP  \r\n"): "a JPEG 2000 image",
    (4, b"JXL \r\n"): "a JPEG XL image",
    (0, b"\xff\x0a"): "a JPEG XL image",
    (0, b"8BPS"): "a Photoshop file",
    (0, b"%PDF"): "a PDF file",
    (0, b"<"): "a web page or another text",
}
"""What is met in place of an image, by the place of its signature."""


def _big(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(_bytes(data, at, count), "big")


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(_bytes(data, at, count), "little")


def _bytes(data: bytes, at: int, count: int) -> bytes:
    if at + count > len(data):
        raise IndexError
    return data[at : at + count]
