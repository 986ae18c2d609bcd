"""Drawn faces as files of the kinds that trainings read, in folders that are removed afterwards."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from ..data.codec import decode
from ..data.contract import AbstractFaces
from ..data.recordio.faces import RecordFaces
from ..data.recordio.frame import pack
from ..data.recordio.item import pack_image
from ..data.recordio.writer import write_records
from ..data.synthetic import DrawnFaces

DISTINCT = 256
"""Drawn faces; the others are copies of their files."""
QUALITY = 95
"""Of JPEGs, as public training sets have it."""


class Repeated(AbstractFaces):
    """A few drawn faces as JPEGs of 112 px, again and again."""

    def __init__(self, images: int) -> None:
        distinct = min(DISTINCT, images)
        drawn = DrawnFaces(identities=distinct // 8, images_per_identity=8)
        self._files = [as_jpeg(drawn.image(index)) for index in range(distinct)]
        self.identities = drawn.identities
        self.labels = drawn.labels[np.arange(images) % distinct]

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        return decode(self.encoded(index))

    def encoded(self, index: int) -> bytes:
        return self._files[index % len(self._files)]

    def name(self, index: int) -> str:
        return str(index)


def as_jpeg(pixels: UInt8[np.ndarray, "H W 3"]) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()


def jpeg_records(folder: Path, images: int) -> RecordFaces:
    """``Repeated`` as RecordIO."""
    write_records(Repeated(images), folder)
    return RecordFaces(folder / "train.rec")


def stub_records(folder: Path, images: int) -> Path:
    """A ``.rec`` with so many records of 48 bytes each, and its ``.idx``; nothing in it can be decoded."""
    folder.mkdir()
    record = np.frombuffer(pack(pack_image(0, 0.0, b"\xff\xd8\xff".ljust(48, b"\0"))), np.uint8)
    with (folder / "train.rec").open("wb") as file:
        for start in range(0, images, 1 << 18):
            keys = np.arange(start, min(start + (1 << 18), images), dtype=np.uint64)
            rows = np.tile(record, (len(keys), 1))
            rows[:, 16:24] = keys.view(np.uint8).reshape(-1, 8)
            rows.tofile(file)
    with (folder / "train.idx").open("w", newline="\n") as file:
        file.writelines(f"{key}\t{key * len(record)}\n" for key in range(images))
    return folder / "train.rec"
