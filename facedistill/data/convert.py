"""One kind of face set into another: folder, RecordIO, ``.bin``. Image files are copied bit for bit."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ..errors import UserError
from ..files import refuse_existing, whole_file, whole_folder
from ..types import UNLABELLED
from .binset import BinFaces, write_bin
from .codec import check
from .contract import AbstractFaces, UnreadableImage
from .folder import FolderFaces
from .header import suffix_of
from .open import names_nobody, open_faces
from .pairs import Pairs, read_pairs
from .recordio.writer import write_records

Report = Callable[[int, int], object]
"""Told how many images are done, and of how many."""


class Kind(str, Enum):
    """What a set can be written as."""

    FOLDER = "folder"
    RECORDIO = "recordio"
    BIN = "bin"


@dataclass(frozen=True)
class Written:
    """What a conversion made."""

    images: int
    """Files copied; of a pair list, those that occur in pairs, each once."""
    identities: int
    pairs: int
    kinds: dict[str, int]
    """Files by the ending that belongs to their bytes."""
    notes: tuple[str, ...]
    """What had no place in the new kind, in sentences."""


def convert(source: Path, destination: Path, kind: Kind, *, report: Report = lambda done, of: None) -> Written:
    """Writes the faces of ``source`` as ``kind``, whole or not at all.

    A ``.bin`` needs pairs and RecordIO identities. A folder gets a folder per identity where they are known, and
    otherwise the images alone with a ``pairs.csv``.

    Raises:
        UserError: ``destination`` exists, ``source`` is not a set of faces or lacks what ``kind`` needs, or an image
            cannot be read.
    """
    refuse_existing(destination)
    faces, pairs = _opened(source)
    counted = _Counted(faces)
    try:
        _WRITERS[kind](counted, pairs, destination, report)
    except UnreadableImage as error:
        raise UserError(f"{source}: an image cannot be copied: {error}; repair or remove it.") from None
    notes = tuple(_left_behind(source, kind, pairs, counted.kinds))
    kept_pairs = 0 if pairs is None or kind is Kind.RECORDIO else len(pairs)
    identities = 0 if kind is Kind.BIN else len(faces.identities)
    return Written(counted.kinds.total(), identities, kept_pairs, dict(counted.kinds), notes)


def _opened(source: Path) -> tuple[AbstractFaces, Pairs | None]:
    """The faces, and their pairs where the set lists some."""
    faces = open_faces(source, labelled=not names_nobody(source))
    if isinstance(faces, BinFaces):
        return faces, faces.pairs
    return faces, read_pairs(source, faces) if isinstance(faces, FolderFaces) else None


class _Counted(AbstractFaces):
    """Another set's faces; it keeps count of the files that are taken from it."""

    def __init__(self, faces: AbstractFaces) -> None:
        self._faces, self.identities, self.labels = faces, faces.identities, faces.labels
        self.kinds: Counter[str] = Counter()

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        return self._faces.image(index)

    def name(self, index: int) -> str:
        return self._faces.name(index)

    def encoded(self, index: int) -> bytes:
        """Checked by its header, so that no damaged file is copied unnoticed.

        Raises:
            UnreadableImage: there is no such file, or it is none that could be decoded.
        """
        data = self._faces.encoded(index)
        if data is None:
            raise UnreadableImage(f"{self.name(index)}: there is no file of it")
        try:
            check(data)
        except UnreadableImage as error:
            raise UnreadableImage(f"{self.name(index)}: {error}") from None
        self.kinds[suffix_of(data)] += 1
        return data


def _to_bin(faces: AbstractFaces, pairs: Pairs | None, destination: Path, report: Report) -> None:
    if pairs is None:
        raise UserError("A .bin holds pairs, and these faces list none; give a folder with pairs.txt or pairs.csv.")
    with whole_file(destination) as file:
        write_bin(file, faces, pairs, report)


def _to_recordio(faces: AbstractFaces, pairs: Pairs | None, destination: Path, report: Report) -> None:
    if destination.suffix.lower() == ".rec":
        raise UserError(f"{destination} would be a folder of train.rec, train.idx and property; name it without .rec.")
    write_records(faces, destination, report=report)


def _to_folder(faces: AbstractFaces, pairs: Pairs | None, destination: Path, report: Report) -> None:
    known = faces.labels != UNLABELLED
    if known.any() != known.all():
        raise UserError(f"{int((~known).sum())} of {len(faces)} faces have no identity; a folder takes all or none.")
    folders = [_folder_name(identity) for identity in faces.identities]
    with whole_folder(destination) as root:
        for folder in folders:
            (root / folder).mkdir()
        names = []
        for index in range(len(faces)):
            names.append(_write_image(root, folders[faces.labels[index]] if known.all() else ".", index, faces))
            report(index + 1, len(faces))
        if pairs is not None:
            _write_pairs(root / "pairs.csv", pairs, names)


def _write_image(root: Path, folder: str, index: int, faces: AbstractFaces) -> str:
    """The image's path below the root; its ending is what its bytes say."""
    data = faces.encoded(index)
    assert data is not None
    name = f"{index:07d}{suffix_of(data)}"
    (root / folder / name).write_bytes(data)
    return name if folder == "." else f"{folder}/{name}"


def _folder_name(identity: str) -> str:
    if identity != os.path.basename(identity) or identity.startswith(".") or "\0" in identity or not identity:
        raise UserError(f"The identity '{identity}' cannot name a folder; give it another in the list.")
    return identity


def _write_pairs(file: Path, pairs: Pairs, names: list[str]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(("first", "second", "same"))
        for first, second, same in zip(pairs.first, pairs.second, pairs.same, strict=True):
            rows.writerow((names[first], names[second], int(same)))


def _left_behind(source: Path, kind: Kind, pairs: Pairs | None, kinds: Counter[str]) -> Iterator[str]:
    redrawn = sum(count for suffix, count in kinds.items() if suffix not in (".jpg", ".png"))
    if kind is Kind.RECORDIO and redrawn:
        yield f"{redrawn} images are PNG now, pixel for pixel: readers of RecordIO expect JPEG or PNG."
    if kind is Kind.RECORDIO:
        yield "RecordIO has no names: label n is the n-th identity in the order of the names."
    if kind is Kind.RECORDIO and pairs is not None:
        yield "The list of pairs stays behind: RecordIO has no place for it."
    if kind is Kind.BIN:
        yield "Identities, and images that are in no pair, stay behind: a .bin has no place for them."
    if source.is_dir() and (source / "landmarks.csv").is_file():
        yield "landmarks.csv stays behind: no other kind has a place for it."


_WRITERS = {Kind.FOLDER: _to_folder, Kind.RECORDIO: _to_recordio, Kind.BIN: _to_bin}
