"""Which group every face of a set belongs to: ``groups.csv`` with the columns ``path,group``."""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Int

from ..errors import UserError
from .contract import AbstractFaces

GROUPS_FILE = "groups.csv"


def read_groups(file: Path, faces: AbstractFaces) -> tuple[tuple[str, ...], Int[np.ndarray, " N"]]:
    """Names of the groups in alphabetical order, and the group of every face.

    Raises:
        UserError: a file that cannot be read, a path that is no face or stands there twice, a face without a group,
            fewer than two groups.
    """
    of_path = _read(file)
    paths = [faces.name(index) for index in range(len(faces))]
    unknown = of_path.keys() - set(paths)
    if unknown:
        raise UserError(f"{file}: there is no image '{min(unknown)}' in the folder; its paths are those below it.")
    without = [path for path in paths if path not in of_path]
    if without:
        raise UserError(f"{file} gives {len(without)} images no group, such as {without[0]}; every image needs one.")
    names = sorted(set(of_path.values()))
    if len(names) < 2:
        raise UserError(f"{file} names one group only; there is nothing to compare.")
    number = {name: place for place, name in enumerate(names)}
    return tuple(names), np.array([number[of_path[path]] for path in paths])


def _read(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read {file}: {error}.") from None
    reader = csv.DictReader(lines)
    if not {"path", "group"} <= set(reader.fieldnames or ()):
        raise UserError(f"{file}: the first line must name the columns path,group.")
    found: dict[str, str] = {}
    for row in reader:
        if not row["path"] or not row["group"] or row["path"] in found:
            raise UserError(f"{file}, line {reader.line_num}: expected a path that is not there yet, and a group.")
        found[row["path"]] = row["group"]
    return found
