"""Faces by what lies at a path."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import UserError
from .binset import BinFaces
from .contract import AbstractFaces
from .folder import FolderFaces
from .lists import ListFaces
from .recordio.faces import RecordFaces

FILES: Mapping[str, Callable[[Path, bool], AbstractFaces]] = {
    ".bin": lambda path, labelled: BinFaces(path),
    ".lst": lambda path, labelled: ListFaces(path, labelled=labelled),
    ".rec": lambda path, labelled: RecordFaces(path, labelled=labelled),
    ".txt": lambda path, labelled: ListFaces(path, labelled=labelled),
}
"""What opens a file, by the lower-case ending of its name; told whether identities are wanted."""

RECORDS = "train.rec"
"""A folder with this file is what the file is."""


def open_faces(path: Path, *, labelled: bool = True) -> AbstractFaces:
    """The faces at ``path``: a folder of identities, a folder with ``RECORDS``, or a file that ``FILES`` knows.

    Unless ``labelled``, no face has an identity, whatever the path says.

    Raises:
        UserError: nothing there, a file of another kind, or one that is damaged.
    """
    if (path / RECORDS).is_file():
        return RecordFaces(path / RECORDS, labelled=labelled)
    if path.is_dir():
        return FolderFaces(path, labelled=labelled)
    if not path.exists():
        raise UserError(f"There is no folder or file {path}; give one that holds aligned face crops.")
    suffix = path.suffix.lower()
    if suffix not in FILES:
        known = ", ".join(sorted(FILES))
        raise UserError(f"{path} is not a set of faces; give a folder, or a file that ends in {known}.")
    return FILES[suffix](path, labelled)


def open_any(path: Path) -> AbstractFaces:
    """The faces at ``path``, with their identities where it says who is who.

    Raises:
        UserError: as ``open_faces``.
    """
    return open_faces(path, labelled=has_identities(path))


def has_identities(path: Path) -> bool:
    """Whether ``path`` says who is who: everything does but a folder of images alone."""
    if not path.is_dir() or (path / RECORDS).is_file():
        return True
    return any(entry.is_dir() and not entry.name.startswith(".") for entry in path.iterdir())


def names_nobody(path: Path) -> bool:
    """Whether ``path`` is a folder of images beside a list of pairs, which says who is the same and not who it is."""
    return not has_identities(path) and (path / "pairs.csv").is_file()
