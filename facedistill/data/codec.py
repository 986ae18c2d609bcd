"""Bytes to pixels: every image file the project reads comes through here."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from .contract import UnreadableImage
from .header import read_header

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
"""Lower-case file name endings that count as images."""

MAX_PIXELS = 40_000_000
"""No face photograph is larger; a file that announces more is refused before it is decoded."""


def read_image(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Pixels of an image file, RGB: 16 bits become 8, alpha is dropped, EXIF's rotation is applied.

    Raises:
        UnreadableImage: no such file, another format, CMYK, animated, truncated, damaged, or over ``MAX_PIXELS``.
    """
    data = read_bytes(path)
    try:
        return decode(data)
    except UnreadableImage as error:
        raise UnreadableImage(f"{path}: {error}") from None


def read_bytes(path: Path) -> bytes:
    """An image file as it is, not decoded.

    Raises:
        UnreadableImage: no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{path}: {error.strerror}") from None


def decode(data: bytes) -> UInt8[np.ndarray, "H W 3"]:
    """As ``read_image``, from the bytes of a file; the error gives the reason alone."""
    check(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise UnreadableImage("it is damaged")
    return pixels


def check(data: bytes) -> None:
    """Refuses, undecoded, what a decoder would silently fill with grey, or choke on.

    Raises:
        UnreadableImage: gives the reason alone.
    """
    if not data:
        raise UnreadableImage("it is empty")
    try:
        width, height, complete = read_header(data)
    except ValueError as error:
        raise UnreadableImage(str(error)) from None
    if not width * height:
        raise UnreadableImage(f"its header announces {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"its {width} x {height} pixels are more than {MAX_PIXELS // 1_000_000} million")
    if not complete:
        raise UnreadableImage("it is truncated")
