"""Faces in a folder: ``<root>/<identity>/<image>``, or images without identities."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ..errors import UserError
from ..types import UNLABELLED
from .codec import SUFFIXES, read_bytes, read_image
from .contract import AbstractFaces
from .landmarks import read_landmarks


class FolderFaces(AbstractFaces):
    """The images of a folder in the order of their names, with the points of its ``landmarks.csv`` if it has one.

    If ``labelled``, every folder directly below ``root`` is an identity. Otherwise folders mean nothing: all images
    below ``root`` are taken, ``UNLABELLED``. Names that begin with a dot are passed over.

    Raises:
        UserError: no such folder, no images in it, or an identity without images.
    """

    def __init__(self, root: Path, *, labelled: bool = True) -> None:
        if not root.is_dir():
            raise UserError(f"There is no folder {root}; give one that holds aligned face crops.")
        self.root = root
        people = _labelled(root) if labelled else {}
        paths = [path for images in people.values() for path in images] if labelled else _unlabelled(root)
        # One flat array: a list of strings would be copied into every worker, page by page, by reference counting.
        self._paths = np.array([os.fsencode(path) for path in paths])
        self.identities = tuple(people)
        counts = [len(images) for images in people.values()]
        self.labels = np.repeat(np.arange(len(people)), counts) if labelled else np.full(len(paths), UNLABELLED)
        self._landmarks_px = _landmarks(root, paths)

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        return read_image(self.root / self.name(index))

    def encoded(self, index: int) -> bytes:
        return read_bytes(self.root / self.name(index))

    def name(self, index: int) -> str:
        return os.fsdecode(self._paths[index])

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        if self._landmarks_px is None or np.isnan(self._landmarks_px[index]).any():
            return None
        return self._landmarks_px[index]


def _labelled(root: Path) -> dict[str, list[str]]:
    folders = [entry.name for entry in _entries(root) if entry.is_dir()]
    if not folders:
        raise UserError(
            f"{root} holds no folder per identity; it must look like {root / '<identity>' / '<image>.jpg'}, "
            "or be given as unlabelled."
        )
    people = {name: sorted(_images(root / name, f"{name}/")) for name in folders}
    empty = [name for name, images in people.items() if not images]
    if empty:
        shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise UserError(f"In {root} {len(empty)} identities have no images: {shown}; fill or remove those folders.")
    return people


def image_paths(root: Path) -> list[str]:
    """Every image below ``root`` in the order of the names, ``/`` between the parts of a path on every system."""
    return sorted(_images(root, ""))


def _unlabelled(root: Path) -> list[str]:
    paths = image_paths(root)
    if not paths:
        raise UserError(f"{root} holds no images ({', '.join(sorted(SUFFIXES))}); give a folder of aligned face crops.")
    return paths


def _images(folder: Path, prefix: str) -> Iterator[str]:
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _images(folder / entry.name, f"{prefix}{entry.name}/")
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            yield f"{prefix}{entry.name}"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _landmarks(root: Path, paths: list[str]) -> Float[np.ndarray, "N 5 2"] | None:
    file = root / "landmarks.csv"
    if not file.is_file():
        return None
    known = read_landmarks(file)
    unknown = np.full((5, 2), np.nan, dtype=np.float32)
    return np.stack([known.get(path, unknown) for path in paths])
