"""Plain lists of images: a text file with one ``path label`` a line."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ..errors import UserError
from ..types import UNLABELLED
from .codec import read_bytes, read_image
from .contract import AbstractFaces

_Line = tuple[int, str, str]
"""Its number, the path, the label."""


class ListFaces(AbstractFaces):
    """The images of a list in its order, under the identities that it gives them.

    A tab, or else the last space of a line, stands before the label; paths are relative to the list's folder. Labels
    are names: they are numbered in the order of their values where all are whole numbers, and of the alphabet
    otherwise. The label -1 means that there is none. Empty lines are passed over.

    Raises:
        UserError: no such list, an empty one, or a line without a label, without its image, or with another's.
    """

    def __init__(self, path: Path, *, labelled: bool = True) -> None:
        """Unless ``labelled``, every face is ``UNLABELLED``; the list still has its labels."""
        lines = list(_checked(path, _lines(path)))
        if not lines:
            raise UserError(f"{path} lists no images; it needs one 'path label' a line.")
        self.path = path
        self.identities = tuple(_in_order({label for _, _, label in lines} - {str(UNLABELLED)})) if labelled else ()
        number = {name: place for place, name in enumerate(self.identities)}
        self.labels = np.array([number.get(label, UNLABELLED) for _, _, label in lines], dtype=np.int64)
        # One flat array, as FolderFaces has.
        self._paths = np.array([os.fsencode(image) for _, image, _ in lines])

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        return read_image(self.path.parent / self.name(index))

    def encoded(self, index: int) -> bytes:
        return read_bytes(self.path.parent / self.name(index))

    def name(self, index: int) -> str:
        return os.fsdecode(self._paths[index])


def _lines(path: Path) -> Iterator[_Line]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from None
    for number, line in enumerate(text.split("\n"), 1):
        if stripped := line.strip():
            image, _, label = stripped.rpartition("\t" if "\t" in stripped else " ")
            yield number, image.rstrip(), label


def _checked(path: Path, lines: Iterator[_Line]) -> Iterator[_Line]:
    seen: dict[str, int] = {}
    for number, image, label in lines:
        where, file = f"{path}, line {number}", path.parent / image
        if not image or not label:
            raise UserError(f"{where}: '{label}' has no label behind it; a line reads 'path label'.")
        if not file.is_file():
            raise UserError(f"{where}: there is no image {file}; add it or remove the line.")
        first = seen.setdefault(os.path.normpath(image), number)
        if first != number:
            raise UserError(f"{where}: {image} is on line {first} already; keep one of them.")
        yield number, image, label


def _in_order(names: set[str]) -> Sequence[str]:
    if all(name.removeprefix("-").isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)
