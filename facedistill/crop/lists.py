"""The lists of a folder of crops: what was aligned, what was not, and the pairs that the photographs came with."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..data.landmarks import COLUMNS
from ..files import write_whole
from .journal import Fate, Outcome
from .output import Output


def write_lists(destination: Path, outcomes: Sequence[Outcome], output: Output) -> None:
    """``landmarks.csv``: path, score and five points of every crop, in its pixels. ``not_found.csv``: path, reason."""
    found = [outcome for outcome in outcomes if outcome.fate is Fate.ALIGNED]
    rows = [[output.name(outcome.path), outcome.score, *sum(outcome.points_px, ())] for outcome in found]
    _write_csv(destination / "landmarks.csv", [COLUMNS[0], "score", *COLUMNS[1:]], rows)
    missed = [[outcome.path, outcome.reason] for outcome in outcomes if outcome.fate is not Fate.ALIGNED]
    _write_csv(destination / "not_found.csv", ["path", "reason"], missed)


PAIRS = ("pairs.txt", "pairs.csv")
"""They name images without their suffix, so they fit the crops as they fit the photographs."""


def carry_pairs(source: Path, destination: Path) -> None:
    """Copies the lists of pairs, which make a folder a benchmark."""
    for name in PAIRS:
        if (source / name).is_file():
            write_whole(destination / name, (source / name).read_bytes())


def _write_csv(file: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_whole(file, text.getvalue().encode("utf-8", "surrogateescape"))
