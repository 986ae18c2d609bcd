"""Tables for the terminal."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def short(value: Any) -> str:
    """A value in one cell of a table: numbers with four digits, mappings as JSON."""
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else json.dumps(value) if isinstance(value, dict) else str(value)


def print_table(
    title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, between: bool = False
) -> None:
    """A table as wide as the terminal; ``between`` draws a line between rows."""
    table = Table(title=title, title_justify="left", header_style="bold", show_lines=between)
    for column in columns:
        table.add_column(column, overflow="fold")  # a name is of no use with its end cut off
    for row in rows:
        table.add_row(*row)
    Console().print(table)
