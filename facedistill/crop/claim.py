"""Whose a folder of crops is: one source and one set of settings, which a later run must share to go on."""

import json
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import write_whole

FILE = "align.json"


def claim(destination: Path, source: Path, settings: dict[str, Any]) -> None:
    """Makes ``destination`` the folder of this work, or finds that it is.

    Raises:
        UserError: it holds something else, or crops of another source or with other settings.
    """
    if destination.resolve().is_relative_to(source.resolve()):
        raise UserError(f"{destination} lies in {source}, whose photographs are read; choose a folder outside.")
    if destination.exists() and not destination.is_dir():
        raise UserError(f"{destination} is a file; choose a folder.")
    wanted = {"source": str(source.resolve()), **settings}
    file = destination / FILE
    if file.is_file():
        _compare(file, wanted)
        return
    if destination.is_dir() and any(not entry.name.startswith(".") for entry in destination.iterdir()):
        raise UserError(f"{destination} holds something that no alignment wrote; choose another folder.")
    write_whole(file, (json.dumps(wanted, indent=2) + "\n").encode())


def _compare(file: Path, wanted: dict[str, Any]) -> None:
    try:
        known = dict(json.loads(file.read_bytes()))
    except (ValueError, TypeError):
        raise UserError(f"{file} is damaged; choose another folder.") from None
    other = [key for key in sorted({*known, *wanted}) if known.get(key) != wanted.get(key)]
    if other:
        changes = ", ".join(f"{key} {known.get(key)} instead of {wanted.get(key)}" for key in other)
        raise UserError(f"{file.parent} holds crops of another run, with {changes}; choose another folder.")
