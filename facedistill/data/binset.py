"""Verification sets as the field hands them on: a ``.bin`` file with the images of all pairs, and who is the same.

The file is a pickle of ``(images, same)``: 2 P encoded images, of which 2 i and 2 i + 1 are pair i, and P booleans
(insightface's LFW, CFP-FP, AgeDB-30, CALFW, CPLFW and others). It is read without being run, see ``pickled``.
"""

import mmap
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import count
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, UInt8

from ..errors import UserError
from ..types import UNLABELLED
from .codec import decode
from .contract import AbstractFaces, UnreadableImage
from .pairs import FOLDS, Pairs
from .pickled.arrays import Array
from .pickled.cursor import Refused
from .pickled.machine import read_pickle
from .pickled.write import write_pickle


class BinFaces(AbstractFaces):
    """The 2 P images of a ``.bin`` file in its order; an image that the file refers to twice is two faces.

    The file says who is the same within a pair and nothing about people: every face is ``UNLABELLED``, and one person
    may occur in many pairs under no name. So there is no figure over all pairs of its images, and intervals can only
    resample pairs; they are somewhat too narrow where people recur, and must say so.

    Raises:
        UserError: no such file; a pickle with anything but images and booleans, or damaged; twice as many images as
            booleans are not there.
    """

    same: Bool[np.ndarray, " P"]
    """Whether images 2 i and 2 i + 1 show the same person."""

    def __init__(self, path: Path) -> None:
        images, same = _parts(path)
        self.path = path
        self.identities = ()
        self.same = np.array(_booleans(path, same), dtype=bool)
        if not images or len(images) != 2 * len(self.same):
            raise UserError(f"{path} has {len(images)} images and {len(self.same)} pairs; every pair needs two images.")
        self.labels = np.full(len(images), UNLABELLED, dtype=np.int64)
        self._data, self._starts, self._ends = _joined(path, images)

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs of the file in ten contiguous folds.

        Raises:
            UserError: fewer pairs than folds.
        """
        if len(self.same) < FOLDS:
            raise UserError(f"{self.path} has {len(self.same)} pairs, too few for {FOLDS} folds.")
        numbers = np.arange(len(self), dtype=np.int64)
        return Pairs(numbers[::2], numbers[1::2], self.same)

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        try:
            return decode(self.encoded(index))
        except UnreadableImage as error:
            raise UnreadableImage(f"{self.path}, image {self.name(index)}: {error}") from None

    def name(self, index: int) -> str:
        return f"{index:06d}"

    def encoded(self, index: int) -> bytes:
        return self._data[self._starts[index] : self._ends[index]].tobytes()


def write_bin(
    path: Path, faces: AbstractFaces, pairs: Pairs, report: Callable[[int, int], object] = lambda done, of: None
) -> None:
    """Writes the files of all pairs to ``path``, bit for bit, for whoever reads ``.bin`` sets.

    What ``pickle.load(file)`` and ``pickle.load(file, encoding="bytes")`` of Python 3 answer is the same. ``report`` is
    told how many files are done, and of how many.

    Raises:
        UnreadableImage: a file that cannot be read.
        UserError: an image without a file.
    """
    numbers = np.stack([pairs.first, pairs.second], axis=1).ravel().tolist()
    total, done = len(set(numbers)), count(1)

    def encoded(number: int) -> bytes:
        data = faces.encoded(number)
        if data is None:
            raise UserError(f"{faces.name(number)} is not a file, and a .bin holds files; save it as one first.")
        report(next(done), total)
        return data

    with path.open("xb") as file:
        write_pickle(file.write, numbers, encoded, pairs.same.tolist())


def _parts(path: Path) -> tuple[list[object], Sequence[object]]:
    """The two halves of a file: what should be images, and what should be booleans."""
    try:
        found = read_pickle(_mapped(path))
    except Refused as error:
        raise UserError(
            f"{path} is not a verification set: {error}; nothing in it was run, and it is better not opened otherwise."
        ) from None
    match found:
        case (list() | tuple() as images, list() | tuple() as same):
            return list(images), same
    raise UserError(f"{path} is not a verification set: it should hold a list of images and a list of booleans.")


def _mapped(path: Path) -> mmap.mmap | bytes:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else b""
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from None


def _booleans(path: Path, same: Sequence[object]) -> list[bool]:
    for number, value in enumerate(same):
        if not (isinstance(value, int) and value in (0, 1)):
            raise UserError(f"{path} does not say whether pair {number} is the same person: no boolean stands there.")
    return [bool(value) for value in same]


def _joined(
    path: Path, images: list[object]
) -> tuple[UInt8[np.ndarray, " bytes"], Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """All images in one array, what occurs twice once, with the places of each.

    One flat array is shared with workers that fork and copied to others; the file is not needed any more.
    """
    unique = {id(image): _bytes_of(path, number, image) for number, image in enumerate(images)}
    sizes = [len(data) for data in unique.values()]
    if sum(sizes) > path.stat().st_size:
        raise UserError(f"{path} is not a verification set: its arrays share their bytes.")
    ends = dict(zip(unique, np.cumsum(sizes).tolist(), strict=True))
    stops = np.array([ends[id(image)] for image in images], dtype=np.int64)
    lengths = np.array([len(unique[id(image)]) for image in images], dtype=np.int64)
    return np.concatenate(list(unique.values())), stops - lengths, stops


def _bytes_of(path: Path, number: int, image: object) -> UInt8[np.ndarray, " bytes"]:
    if isinstance(image, memoryview):
        return np.frombuffer(image, np.uint8)
    if isinstance(image, Array) and image.pixels is not None and image.pixels.size == max(image.pixels.shape):
        return image.pixels.reshape(-1)
    raise UserError(f"{path}: image {number} is neither bytes nor a row of uint8, the two ways to hold an image file.")
