"""Figures as a table for people: on a terminal, as Markdown and as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from rich.table import Table

from ...protocols.contract import AbstractProtocol, Row
from ..beside.compare import difference_rows
from ..settings import Figures

COLUMNS = ("set", "figure", "%", "95 % interval", "note")

Cells = tuple[str, ...]


def table(results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol]) -> Table:
    """One line per figure, in percent with its 95 % interval; the remarks stand below."""
    lines = Table(*COLUMNS)
    for cells in table_cells(results, protocols):
        lines.add_row(*cells)
    lines.caption = "\n".join(remarks(results))
    return lines


def markdown(results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol]) -> str:
    """The same table, with the remarks as a list."""
    said = "\n".join(f"- {remark}" for remark in remarks(results))
    return f"{markdown_table(COLUMNS, table_cells(results, protocols))}\n\n{said}\n"


def markdown_table(columns: Cells, rows: Iterable[Cells]) -> str:
    """A table as Markdown, its last line without an end."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def comma_separated(results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol]) -> str:
    """``set,figure,value,low,high,note``; shares with every digit, empty where there is no interval."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "figure", "value", "low", "high", "note"])
    for part, row in _rows(results, protocols):
        writer.writerow([part, row.figure, row.value, *(row.interval or ("", "")), row.note])
    return text.getvalue()


def table_cells(results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol]) -> Iterator[Cells]:
    """The cells of ``COLUMNS``, line by line."""
    for part, row in _rows(results, protocols):
        span = "" if row.interval is None else f"{_percent(row.interval[0])} to {_percent(row.interval[1])}"
        yield part, row.figure, _percent(row.value), span, row.note


def remarks(results: Mapping[str, Figures]) -> list[str]:
    """What figures may not be told without: what is wrong with the embeddings, and every rule, once."""
    warnings = [f"warning, {name}: {text}" for name, figures in results.items() for text in figures["warnings"]]
    rules = [f"{rule}: {text}" for figures in results.values() for rule, text in figures["protocol"].items()]
    return [*warnings, *dict.fromkeys(rules)]


def _rows(results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol]) -> Iterator[tuple[str, Row]]:
    for name, figures in results.items():
        for part, rows in _parts(figures, protocols[name]):
            yield from ((f"{name}{part}", row) for row in rows)


def _parts(figures: Figures, protocol: AbstractProtocol) -> Iterator[tuple[str, Iterable[Row]]]:
    """The rows of a benchmark, and of all that was judged beside it, under a name each."""
    yield "", protocol.rows(figures)
    for part, seen in figures.get("asymmetric", {}).items():
        yield f": {part.replace('_', ' ')}", protocol.rows(seen)
    if "against" in figures:
        yield ": the other model", protocol.rows(figures["against"])
        yield ": more than the other model", difference_rows(figures["difference"])
    for side, by_resolution in figures.get("resolution", {}).items():
        for resolution_px, seen in by_resolution.items():
            yield f": {side} at {resolution_px} px", protocol.rows(seen)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
