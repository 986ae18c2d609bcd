"""What IJB compares: ``*_template_pair_label.txt`` for 1:1, gallery and probe CSV files for 1:N.

The pair list has two templates and 1 or 0 a line. The CSV files have a template and its subject in their first two
columns, perhaps under a header, perhaps on one line for every image.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from ...errors import UserError
from .integers import read_integers

_LARGEST_TEMPLATE = 9_999_999


@dataclass(frozen=True)
class Listed:
    """Templates by their numbers, and whom they show."""

    template: Int[np.ndarray, " M"]
    subject: Int[np.ndarray, " M"]


def read_template_pairs(
    file: Path, template_ids: Int[np.ndarray, " T"]
) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"], Bool[np.ndarray, " P"]]:
    """First and second template of every pair as places in ``template_ids``, and whether they are one person.

    Raises:
        UserError: a file or a line that cannot be read, a template without images, a label other than 0 and 1, or a
            list of one kind of pair only.
    """
    places = _places(file, template_ids)
    first, second, same = _pairs(file, read_integers(file, 3), places)
    if same.all() or not same.any():
        raise UserError(f"{file} needs pairs labelled 1 and pairs labelled 0; it has one kind only.")
    return first, second, same


def _places(file: Path, template_ids: Int[np.ndarray, " T"]) -> Int[np.ndarray, " ids"]:
    """The place of every template by its number, and -1 for what is none: a table, since a search takes twice as long
    as reading the list."""
    if template_ids[0] < 0 or template_ids[-1] > _LARGEST_TEMPLATE:
        raise UserError(f"{file}: templates are numbered from 0 to {_LARGEST_TEMPLATE:,}; number them anew.")
    places = np.full(template_ids[-1] + 2, -1, dtype=np.int32)
    places[template_ids] = np.arange(len(template_ids))
    return places


def _pairs(
    file: Path, numbers: Int[np.ndarray, "lines 3"], places: Int[np.ndarray, " ids"]
) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"], Bool[np.ndarray, " P"]]:
    first, second = (places[np.minimum(numbers[:, side], len(places) - 1)] for side in (0, 1))
    unknown = (first < 0) | (second < 0)
    if unknown.any():
        line = int(unknown.argmax())
        raise UserError(
            f"{file}, line {line + 1}: of the templates {numbers[line, 0]} and {numbers[line, 1]} "
            "one has no image in the list of faces."
        )
    label = numbers[:, 2]
    if label.max() > 1:
        line = int((label > 1).argmax())
        raise UserError(f"{file}, line {line + 1}: the label is 1 or 0, got {label[line]}.")
    return first, second, label == 1


def read_listed(file: Path, template_ids: Int[np.ndarray, " T"]) -> Listed:
    """Templates and subjects of a gallery or of probes; a template that has several lines is one.

    Raises:
        UserError: a file or a line that cannot be read, a template without images or with two subjects.
    """
    known = {int(number): place for place, number in enumerate(template_ids)}
    subjects: dict[int, int] = {}
    for line, template, subject in _rows(file):
        if template not in known:
            raise UserError(f"{file}, line {line}: template {template} has no image in the list of faces.")
        if subjects.setdefault(known[template], subject) != subject:
            raise UserError(f"{file}, line {line}: template {template} has a second subject, {subject}.")
    if not subjects:
        raise UserError(f"{file} lists no template; each of its lines gives a template and its subject.")
    return Listed(np.array(list(subjects)), np.array(list(subjects.values())))


def _rows(file: Path) -> Iterator[tuple[int, int, int]]:
    """Line, template and subject."""
    try:
        rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"Cannot read {file}: {error}.") from None
    for line, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row[:2]]
        header = line == 1 and not any(cell.isdigit() for cell in cells)
        if header or not row:
            continue
        if len(cells) < 2 or not all(cell.isdecimal() and len(cell) < 10 for cell in cells):
            raise UserError(f"{file}, line {line}: expected a template and a subject, got '{','.join(row)[:60]}'.")
        yield line, int(cells[0]), int(cells[1])
