"""Lists of image pairs: ``pairs.txt`` as LFW publishes it, or ``pairs.csv``.

``pairs.txt`` opens with the number of folds and of pairs per fold and kind; then, tab-separated, a line says
``person i j`` (the same person) or ``person i other j`` (two people). Image i of a person is
``<person>/<person>_%04d.<jpg, png, ...>``.

``pairs.csv`` has the columns ``first,second,same``: two paths below the folder, and 1 or 0.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Bool, Int

from ..errors import UserError
from ..types import UNLABELLED
from .contract import AbstractFaces

FOLDS = 10
"""Folds of every published set of this type (LFW, CFP-FP, AgeDB-30, CALFW, CPLFW)."""

_Line = tuple[str, str, str, bool]
"""Where it stands, two images without suffix, whether they show the same person."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of images by their numbers; the folds are contiguous, in the order of the list."""

    first: Int[np.ndarray, " P"]
    second: Int[np.ndarray, " P"]
    same: Bool[np.ndarray, " P"]
    folds: int = FOLDS

    def __len__(self) -> int:
        return len(self.same)


def read_pairs(root: Path, faces: AbstractFaces) -> Pairs | None:
    """The pairs listed in ``root``, as numbers of ``faces``; None where ``root`` lists none.

    Raises:
        UserError: a line that cannot be read, an image that is not there, a pair that contradicts the folders'
            identities, too few pairs for the folds.
    """
    if (root / "pairs.txt").is_file():
        folds, lines = _read_txt(root / "pairs.txt")
    elif (root / "pairs.csv").is_file():
        folds, lines = FOLDS, list(_read_csv(root / "pairs.csv"))
    else:
        return None
    if len(lines) < folds:
        raise UserError(f"{root} lists {len(lines)} pairs, too few for {folds} folds; list at least one per fold.")
    return _numbered(lines, folds, faces)


def _read_txt(file: Path) -> tuple[int, list[_Line]]:
    header, *rows = _text(file).splitlines() or [""]
    counts = header.split()
    if len(counts) != 2 or not all(count.isdigit() for count in counts) or int(counts[0]) < 2:
        raise UserError(
            f"{file}, line 1: expected the number of folds (at least 2) and of pairs per fold, got '{header}'."
        )
    folds, per_kind = map(int, counts)
    lines = [_txt_line(f"{file}, line {number}", row) for number, row in enumerate(rows, 2) if row.strip()]
    if len(lines) != 2 * folds * per_kind:
        raise UserError(
            f"{file} promises {folds} folds of 2 x {per_kind} pairs and lists {len(lines)}; is the file complete?"
        )
    return folds, lines


def _txt_line(where: str, row: str) -> _Line:
    cells = row.rstrip("\r\n").split("\t") if "\t" in row else row.split()
    if len(cells) == 3:
        cells = [cells[0], cells[1], cells[0], cells[2]]
        same = True
    else:
        same = False
    if len(cells) != 4 or not (cells[1].isdigit() and cells[3].isdigit()):
        raise UserError(f"{where}: expected 'person i j' or 'person i other j', got '{row.strip()}'.")
    first, second = (f"{name}/{name}_{int(number):04d}" for name, number in (cells[:2], cells[2:]))
    return where, first, second, same


def _read_csv(file: Path) -> Iterator[_Line]:
    reader = csv.DictReader(_text(file).splitlines())
    if not {"first", "second", "same"} <= set(reader.fieldnames or ()):
        raise UserError(f"{file}: the first line must name the columns first,second,same.")
    for row in reader:
        where = f"{file}, line {reader.line_num}"
        if not row["first"] or not row["second"] or row["same"] not in ("0", "1"):
            raise UserError(f"{where}: expected two paths and 0 or 1.")
        yield where, _stem(row["first"]), _stem(row["second"]), row["same"] == "1"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read {file}: {error}.") from None


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _numbered(lines: list[_Line], folds: int, faces: AbstractFaces) -> Pairs:
    numbers = {_stem(faces.name(index)): index for index in range(len(faces))}
    found = [_found(line, numbers, faces) for line in lines]
    first, second = np.array(found, dtype=np.int64).T
    return Pairs(first, second, np.array([line[3] for line in lines]), folds)


def _found(line: _Line, numbers: dict[str, int], faces: AbstractFaces) -> tuple[int, int]:
    where, *images, same = line
    for image in images:
        if image not in numbers:
            raise UserError(f"{where}: there is no image '{image}' in the folder; add it or use the matching list.")
    first, second = (numbers[image] for image in images)
    labels = faces.labels[[first, second]]
    if UNLABELLED not in labels and bool(labels[0] == labels[1]) != same:
        claim = "the same person" if same else "two people"
        raise UserError(f"{where}: '{images[0]}' and '{images[1]}' are listed as {claim}, and their folders disagree.")
    return first, second
