"""What a payload says of its image: flag, label, numbers; then the image file's bytes.

``flag`` 0 means that the label is the one number beside it. Otherwise ``flag`` labels follow, and that number is void.
"""

import struct
from collections.abc import Sequence

HEADER = struct.Struct("<IfQQ")
"""Flag, label, and two numbers; the first is the record's key."""


def pack_image(key: int, label: float, image: bytes) -> bytes:
    """A record of one image file and its label."""
    return HEADER.pack(0, label, key, 0) + image


def pack_labels(key: int, labels: Sequence[int]) -> bytes:
    """A record of whole numbers, without an image."""
    return HEADER.pack(len(labels), 0.0, key, 0) + struct.pack(f"<{len(labels)}f", *labels)


def image_bytes(payload: memoryview) -> bytes:
    """The image file of a payload; empty where there is none."""
    (flag,) = struct.unpack_from("<I", payload)
    return bytes(payload[HEADER.size + 4 * flag :])
