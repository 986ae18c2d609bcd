"""What stands behind the table of a comparison: how its runs went, where their own pages are, how to do it again."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..page import PAGE
from ..train.log import read_lines
from .folder import KEPT
from .pictures import Drawn, draw_lines


@dataclass(frozen=True)
class RunPage:
    """A finished run: its page where there is one, or else the command that writes it."""

    name: str
    address: str | None
    command: str


@dataclass(frozen=True)
class Behind:
    """Beside the table."""

    asked: str
    """The comparison, as YAML."""
    command: str
    curves: Mapping[str, str]
    """SVG, by what it shows."""
    runs: Sequence[RunPage]


def behind(folder: Path) -> Behind:
    """Of the comparison in ``folder``, as it lies there."""
    asked = folder / KEPT
    runs = [file.parent for file in sorted((folder / "runs").glob("*/*/*/result.json"))]
    return Behind(
        asked.read_text(encoding="utf-8") if asked.is_file() else "",
        shlex.join(["facedistill", "compare", str(asked)]),
        dict(_curves(folder, runs)),
        [_page(folder, run) for run in runs],
    )


def _page(folder: Path, run: Path) -> RunPage:
    page = run / PAGE
    address = page.relative_to(folder).as_posix() if page.is_file() else None
    return RunPage(
        run.relative_to(folder / "runs").as_posix(), address, shlex.join(["facedistill", "report", str(run)])
    )


def _curves(folder: Path, runs: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """One run a row, the first of its seeds."""
    firsts = {run.parent: run for run in reversed(runs)}
    noted = {
        row.relative_to(folder / "runs").as_posix(): list(read_lines(run / "metrics.jsonl"))
        for row, run in reversed(firsts.items())
    }
    for title, key in _CURVES.items():
        drawn: dict[str, Drawn] = {
            name: [(line["epoch"], line[key]) for line in lines if key in line] for name, lines in noted.items()
        }
        if any(drawn.values()):
            yield title, draw_lines(title, drawn)


_CURVES = {
    "Loss of every row's first seed. Each sums its own terms: shapes compare, heights do not": "loss",
    "TAR at FAR 1 % on the people kept out of training, looked at on the way": "tar@0.01",
}
