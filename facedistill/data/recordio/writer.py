"""Faces into ``train.rec``, ``train.idx`` and ``property``, in the layout of insightface's training sets.

Record 0 is a header of two numbers: the exclusive end of the images' keys, and of the identities' keys. Images have the
keys from 1 on, each identity's side by side; a record per identity follows, with the half-open range of its images.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, TextIO

import cv2
import numpy as np
from jaxtyping import Int

from ...errors import UserError
from ...files import whole_folder
from ...types import UNLABELLED
from ..codec import check
from ..contract import AbstractFaces, UnreadableImage
from ..header import read_header
from .frame import pack
from .item import pack_image, pack_labels

_KEPT = (b"\xff\xd8\xff", b"\x89PNG")
"""How files begin that go in as they are: what readers of this format expect."""


class RecordWriter:
    """Records one after the other, and the index of where each begins."""

    def __init__(self, records: BinaryIO, index: TextIO) -> None:
        self._records, self._index, self._at = records, index, 0

    def write(self, key: int, payload: bytes) -> None:
        """Appends one record.

        Raises:
            ValueError: the payload is longer than the format allows.
        """
        framed = pack(payload)
        self._index.write(f"{key}\t{self._at}\n")
        self._records.write(framed)
        self._at += len(framed)


def write_records(
    faces: AbstractFaces, destination: Path, *, report: Callable[[int, int], object] = lambda done, of: None
) -> None:
    """Writes the folder ``destination``, whole or not at all; ``report`` is told images done and images in all.

    JPEG and PNG files go in byte for byte, everything else as PNG. Identities keep their labels.

    Raises:
        UserError: ``destination`` exists, a face has no identity, or an image cannot be read.
    """
    if not len(faces) or (faces.labels == UNLABELLED).any():
        raise UserError(f"{destination} needs an identity for every image; give faces in a folder per identity.")
    order = np.argsort(faces.labels, kind="stable")
    with whole_folder(destination) as folder:
        with (folder / "train.rec").open("wb") as records, (folder / "train.idx").open("w", newline="\n") as index:
            size = _write_all(faces, order, RecordWriter(records, index), report)
        (folder / "property").write_text(f"{len(faces.identities)},{size[0]},{size[1]}\n")


def _write_all(
    faces: AbstractFaces, order: Int[np.ndarray, " N"], writer: RecordWriter, report: Callable[[int, int], object]
) -> tuple[int, int]:
    """Height and width of the first image."""
    ranges = _ranges(faces.labels[order])
    end = 1 + len(order)
    writer.write(0, pack_labels(0, (end, end + len(ranges))))
    size = (0, 0)
    for key, index in enumerate(order.tolist(), start=1):
        data = _encoded(faces, index)
        size = read_header(data)[1::-1] if key == 1 else size
        writer.write(key, pack_image(key, float(faces.labels[index]), data))
        report(key, len(order))
    for key, images in enumerate(ranges, start=end):
        writer.write(key, pack_labels(key, images))
    return size


def _ranges(labels: Int[np.ndarray, " N"]) -> list[tuple[int, int]]:
    """Keys [first, end) of every run of equal labels, the first image having key 1."""
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [(first + 1, end + 1) for first, end in pairwise(edges)]


def _encoded(faces: AbstractFaces, index: int) -> bytes:
    """The bytes to store.

    Raises:
        UserError: names the image that cannot be read.
    """
    try:
        data = faces.encoded(index)
        if data is None or not data.startswith(_KEPT):
            return cv2.imencode(".png", cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR))[1].tobytes()
        check(data)
    except UnreadableImage as error:
        raise UserError(f"{faces.name(index)} cannot be read ({error}); repair or remove it.") from None
    return data
