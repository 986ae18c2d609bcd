"""A comparison as files: JSON and CSV for programs, Markdown and an HTML page that needs no network for people."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..evaluate.report.table import markdown_table
from ..files import write_text
from ..page import PAGE
from ..page.render import render
from .behind import Behind, behind
from .pictures import draw_accuracy, draw_cost, draw_ranks
from .table import Cell, Line

COLUMNS = (
    "row", "student", "teacher", "seeds", "failed", "note", "figure", "value", "low", "high", "difference",
    "difference_low", "difference_high", "verdict", "first", "best_rank", "worst_rank", "images_per_s", "training_s",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What a report says beside the lines."""

    title: str
    reference: str
    rules: Sequence[str]
    """What the figures were made by, in sentences."""


def write_reports(folder: Path, lines: Sequence[Line], told: Told) -> None:
    """``result.json``, ``table.csv``, ``table.md`` and ``report.html``; each replaces the one of an earlier call."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "result.json", as_json(lines, told))
    write_text(folder / "table.csv", comma_separated(lines))
    write_text(folder / "table.md", markdown(lines, told))
    write_text(folder / PAGE, page(lines, told, behind(folder)))


def as_json(lines: Sequence[Line], told: Told) -> str:
    """Everything that is known of the lines; shares with every digit."""
    return json.dumps({**asdict(told), "rows": [asdict(line) for line in lines]}, indent=2) + "\n"


def comma_separated(lines: Sequence[Line]) -> str:
    """A line per row and figure; shares with every digit, empty where there is nothing to say."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerows(_records(line))
    return text.getvalue()


def _records(line: Line) -> Iterator[dict[str, object]]:
    shared = {
        **asdict(line.group),
        "seeds": " ".join(map(str, line.seeds)),
        "failed": "; ".join(_failures(line)),
        "note": "; ".join(_notes(line)),
        "images_per_s": line.images_per_s,
        "training_s": line.training_s,
    }
    for name, cell in line.cells.items():
        yield {**shared, "figure": name, **_numbers(cell)}
    if not line.cells:
        yield shared


def _numbers(cell: Cell) -> dict[str, object]:
    own = {key: value for key, value in asdict(cell).items() if key != "gain"}
    if cell.gain is None:
        return own
    gain = cell.gain
    ends = {"difference_low": gain.low, "difference_high": gain.high}
    return {**own, "difference": gain.mean, **ends, "verdict": gain.verdict}


def markdown(lines: Sequence[Line], told: Told) -> str:
    """One table for all figures, then what went wrong, then the rules."""
    names = figures(lines)
    table = markdown_table(header(names), [cells(line, names, " <br> ") for line in lines])
    said = "\n".join(f"- {sentence}" for sentence in (*troubles(lines), *told.rules))
    return f"# {told.title}\n\n{table}\n\n{said}\n"


def header(figures: Sequence[str]) -> tuple[str, ...]:
    """Titles of the columns that ``cells`` fills."""
    return ("row", "student", "teacher", "seeds", *figures, "images/s", "seconds", "note")


def cells(line: Line, figures: Sequence[str], between: str = "\n") -> tuple[str, ...]:
    """One row of the table; a figure's lines are its value, the difference, the verdict and the ranks."""
    group = (line.group.row, line.group.student, line.group.teacher or "", str(len(line.seeds)))
    seen = (between.join(said(line.cells[name])) if name in line.cells else "failed" for name in figures)
    costs = ("" if cost is None else f"{cost:.0f}" for cost in (line.images_per_s, line.training_s))
    wrong = (*(f"seed {seed} failed" for seed in line.failed), *(f"warning for seed {seed}" for seed in line.warnings))
    notes = (*wrong, *line.notes)
    return (*group, *seen, *costs, "; ".join(notes))


def said(cell: Cell) -> Iterator[str]:
    """A figure in words, in percent."""
    yield f"{100 * cell.value:.2f} ({100 * cell.low:.2f} to {100 * cell.high:.2f})"
    if cell.gain is not None:
        gain = cell.gain
        yield f"{100 * gain.mean:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"
        yield gain.verdict
    yield f"rank {cell.best_rank} to {cell.worst_rank}, first in {100 * cell.first:.0f} %"


def said_short(cell: Cell) -> tuple[str, str, str, str]:
    """The same in four words or numbers, to a tenth of a percent."""
    gain = cell.gain
    return (
        f"{100 * cell.value:.1f} ({100 * cell.low:.1f} to {100 * cell.high:.1f})",
        "" if gain is None else f"{100 * gain.mean:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})",
        "" if gain is None else gain.verdict,
        f"{cell.best_rank}-{cell.worst_rank}",
    )


def figures(lines: Sequence[Line]) -> tuple[str, ...]:
    """Names of the figures; where nothing finished, one that says so."""
    return next((tuple(line.cells) for line in lines if line.cells), ("figures",))


def troubles(lines: Sequence[Line]) -> list[str]:
    """A sentence for every run that failed or whose embeddings are odd."""
    return [
        f"{line.group.taught}, {line.group.student}, {trouble}"
        for line in lines
        for trouble in (*_failures(line), *_warnings(line))
    ]


def _failures(line: Line) -> list[str]:
    return [f"seed {seed} failed: {reason}" for seed, reason in line.failed.items()]


def _warnings(line: Line) -> list[str]:
    return [f"seed {seed}, warning: {said}" for seed, said in line.warnings.items()]


def _notes(line: Line) -> list[str]:
    return [*line.notes, *_warnings(line)]


def page(lines: Sequence[Line], told: Told, beside: Behind) -> str:
    """One HTML file with its pictures in it."""
    shown = [line for line in lines if line.cells]
    pictures = {
        "Accuracy, with 95 % intervals": draw_accuracy,
        "Accuracy against training cost": draw_cost,
        "Rank stability": draw_ranks,
    }
    drawn = {title: draw(shown) for title, draw in pictures.items()} if shown else {}
    return render(
        __package__,
        "report.html",
        told=told,
        lines=lines,
        figures=figures(lines),
        said=lambda cell: list(said(cell)),
        notes=_notes,
        pictures=drawn,
        behind=beside,
    )
