"""Faces by what lies at a path."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import UserError
from .contract import AbstractFaces
from .folder import FolderFaces

FILES: Mapping[str, Callable[[Path, bool], AbstractFaces]] = {}
"""What opens a file, by the lower-case ending of its name; told whether identities are wanted."""


def open_faces(path: Path, *, labelled: bool = True) -> AbstractFaces:
    """The faces at ``path``: a folder of identities, or a file that ``FILES`` knows.

    Not ``labelled``, no face has an identity, whatever the path says.

    Raises:
        UserError: nothing there, a file of another kind, or one that is damaged.
    """
    if path.is_dir():
        return FolderFaces(path, labelled=labelled)
    if not path.exists():
        raise UserError(f"There is no {path}; give a folder of face crops or a file of them.")
    suffix = path.suffix.lower()
    if suffix not in FILES:
        raise UserError(f"{path} is no set of faces; give a folder, or a file that ends in {', '.join(sorted(FILES))}.")
    return FILES[suffix](path, labelled)
