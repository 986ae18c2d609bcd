"""Figures as a table for people."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from .figures import Figures


def table(results: Mapping[str, Figures]) -> Table:
    """One line per figure, in percent with its 95 % interval; the protocol stands below."""
    lines = Table("set", "figure", "%", "95 % interval", "note")
    for name, figures in results.items():
        parts = {name: figures} | {
            f"{name}: {part.replace('_', ' ')}": seen for part, seen in figures.get("asymmetric", {}).items()
        }
        for part, seen in parts.items():
            for row in _rows(seen):
                lines.add_row(part, *row)
    rules = [f"{rule}: {text}" for figures in results.values() for rule, text in figures["protocol"].items()]
    lines.caption = "\n".join(dict.fromkeys(rules))
    return lines


def _rows(figures: Figures) -> Iterator[tuple[str, str, str, str]]:
    if "accuracy" in figures:
        spread = f"+- {_percent(figures['accuracy_std'])} over {len(figures['folds'])} folds"
        yield "accuracy", _percent(figures["accuracy"]), _span(figures["accuracy_interval"]), spread
    pairs = figures["all_pairs"]
    counts = f"{pairs['genuine']:,} genuine, {pairs['impostor']:,} impostor pairs"
    for far, point in figures["tar_at_far"].items():
        note = counts if point["supported"] else f"{counts}: unsupported"
        yield f"TAR at FAR {far}", _percent(point["tar"]), _span(point["tar_interval"]), note


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _span(ends: list[float]) -> str:
    low, high = ends
    return f"{_percent(low)} to {_percent(high)}"
