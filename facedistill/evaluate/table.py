"""Figures as a table for people."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from ..protocols.contract import AbstractProtocol, Row
from .figures import Figures

COLUMNS = ("set", "figure", "%", "95 % interval", "note")


def table(results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol]) -> Table:
    """One line per figure, in percent with its 95 % interval; the protocol stands below."""
    lines = Table(*COLUMNS)
    for cells in table_cells(results, protocols):
        lines.add_row(*cells)
    lines.caption = "\n".join(stated_rules(results))
    return lines


def table_cells(results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol]) -> Iterator[tuple[str, ...]]:
    """The cells of ``COLUMNS``, line by line."""
    for name, figures in results.items():
        parts = {name: figures} | {
            f"{name}: {part.replace('_', ' ')}": seen for part, seen in figures.get("asymmetric", {}).items()
        }
        for part, seen in parts.items():
            for row in protocols[name].rows(seen):
                yield part, *_cells(row)


def stated_rules(results: Mapping[str, Figures]) -> list[str]:
    """Every rule that a figure was made by, once."""
    rules = [f"{rule}: {text}" for figures in results.values() for rule, text in figures["protocol"].items()]
    return list(dict.fromkeys(rules))


def _cells(row: Row) -> tuple[str, str, str, str]:
    span = "" if row.interval is None else f"{_percent(row.interval[0])} to {_percent(row.interval[1])}"
    return row.figure, _percent(row.value), span, row.note


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
