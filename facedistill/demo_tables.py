"""What the demonstration says when it is done: tables, and what to do next."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from rich.console import Group
from rich.table import Table

from .demo import BASELINE, RUNS, TOLD
from .evaluate.settings import Figures
from .page import PAGE

NOTES = (
    "The teacher is a Transformer, the others one and the same small CNN. Accuracy: ten folds, as many pairs of one "
    "person as of two. Against the teacher's gallery: TAR at the first FAR where one picture is seen by the network "
    "and the other by the teacher. Intervals and verdicts are over people; each network was trained once, and another "
    "seed would differ as well."
)

Row = tuple[str, ...]


def tables(result: Figures) -> Group:
    """For people: what each network can do, alone and against the teacher's gallery, and what teaching added."""
    fars = [f"TAR at FAR {100 * float(far):g}%" for far in result["networks"][BASELINE]["tar_at_far"]]
    title = f"{result['people']} drawn people whom no network has seen: percent, with 95 % intervals"
    alone = _table(title, ["", "accuracy", *fars, "against the teacher's gallery"], _alone(result["networks"]))
    more = _table("More than the CNN from labels only, in points", ["", *fars], _more(result["differences"]))
    return Group(alone, more, NOTES)


def _alone(networks: Figures) -> Iterator[Row]:
    for run, figures in networks.items():
        points = [*figures["tar_at_far"].values(), next(iter(figures["teacher_gallery"].values()))]
        tars = (_cell(point["tar"], point["tar_interval"]) for point in points)
        yield RUNS[run], _cell(figures["accuracy"], figures["accuracy_interval"]), *tars


def _more(differences: Figures) -> Iterator[Row]:
    for run, points in differences.items():
        yield RUNS[run], *(f"{_cell(p['tar'], p['interval'], '+')}\n{_verdict(p)}" for p in points.values())


def _verdict(difference: Figures) -> str:
    if not difference["significant"]:
        return "not distinguishable"
    return "better" if difference["tar"] > 0 else "worse"


def _cell(share: float, ends: Sequence[float], sign: Literal["", "+"] = "") -> str:
    value, low, high = (f"{100 * number:{sign}.1f}" for number in (share, *ends))
    return f"{value}\n{low} to {high}"


def _table(title: str, columns: Sequence[str], rows: Iterable[Row]) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table


def next_steps(out: Path) -> str:
    """How to look at the page, and how to try the student."""
    package = out / "package"
    return (
        f"With pictures: open {out / PAGE} in a browser.\n"
        "To try the student in a browser, after pip install 'facedistill[export]':\n"
        f"  facedistill export {out / TOLD} --precision fp32,int8 --out {package}\n"
        f"  facedistill serve {package} --fetch-runtime"
    )
