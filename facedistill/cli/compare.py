"""``compare``: rows of methods, students, teachers and seeds, trained and judged alike."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .options import AsJson, Overrides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..compare.table import Line

File = Annotated[str, typer.Argument(metavar="FILE", help="A YAML file of rows, or the name of a packaged one.")]
Jobs = Annotated[int, typer.Option(min=1, help="Runs side by side, each with its share of the cores.")]
Add = Annotated[
    list[str] | None, typer.Option(metavar="[NAME=]RUN", help="Join a finished run under that row's name; repeatable.")
]
Force = Annotated[bool, typer.Option("--force", help="Join runs of another budget or other views; the table says so.")]


def compare(
    file: File,
    overrides: Overrides = None,
    jobs: Jobs = 1,
    add: Add = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Train methods x students x teachers x seeds alike, and say which differences are real."""
    from ..compare.file import load_comparison
    from ..compare.run import check_failures
    from ..compare.run import compare as compare_all

    comparison = load_comparison(file, overrides or [])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped either way, it stops its runs
    try:
        table = compare_all(comparison, jobs=jobs, add=add or (), force=force)
    except KeyboardInterrupt:
        print(f"Stopped. What is in {comparison.out} is kept; the same command goes on.", file=sys.stderr)
        raise SystemExit(130) from None
    if as_json:
        print((comparison.out / "result.json").read_text(), end="")
    else:
        _show(table, comparison.out)
    check_failures(table, comparison.out)


def _show(table: "Sequence[Line]", folder: Path) -> None:
    """A table a figure, each narrow enough for a terminal."""
    from ..compare.report import figures, troubles

    console = Console()
    for name in figures(table):
        console.print(_of_figure(name, table))
    for sentence in troubles(table):
        console.print(sentence, highlight=False)
    console.print(f"Tables and pictures: {folder / 'report.html'}", highlight=False)


def _of_figure(name: str, table: "Sequence[Line]") -> Table:
    from ..compare.report import said_short

    students = {line.group.student for line in table}
    shown = Table(
        "row", "%", "less the reference", "verdict", "ranks", title=name, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for numbers in shown.columns[1:3]:
        numbers.no_wrap = True
    shown.columns[3].min_width = len("distinguishable")
    for line in table:
        row = line.group.taught if len(students) == 1 else f"{line.group.taught}, {line.group.student}"
        shown.add_row(row, *(said_short(line.cells[name]) if name in line.cells else ("failed",)))
    return shown
