"""The two lists of a folder of crops: what was aligned, and what was not."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..data.landmarks import COLUMNS
from .journal import Fate, Outcome
from .output import Output, write_whole


def write_lists(destination: Path, outcomes: Sequence[Outcome], output: Output) -> None:
    """``landmarks.csv``: path, score and five points of every crop, in its pixels. ``not_found.csv``: path, reason."""
    found = [outcome for outcome in outcomes if outcome.fate is Fate.ALIGNED]
    rows = [[output.name(outcome.path), outcome.score, *sum(outcome.points_px, ())] for outcome in found]
    _write_csv(destination / "landmarks.csv", [COLUMNS[0], "score", *COLUMNS[1:]], rows)
    missed = [[outcome.path, outcome.reason] for outcome in outcomes if outcome.fate is not Fate.ALIGNED]
    _write_csv(destination / "not_found.csv", ["path", "reason"], missed)


def _write_csv(file: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_whole(file, text.getvalue().encode("utf-8", "surrogateescape"))
