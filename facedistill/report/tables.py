"""The tables of a report: figures with intervals, errors by group, files of an export."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..evaluate.settings import Figures
from ..protocols.verification import verification_rows
from .device import Exported, OnDevice
from .findings import Findings


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table."""

    said: str
    span: str = ""
    """Its interval."""
    verdict: str = ""


@dataclass(frozen=True)
class Table:
    """What a table says; the first cell of a row names it."""

    caption: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def figures(findings: Findings) -> Table:
    """Every figure of every network, and what the run's own has more than the others."""
    others = tuple(f"{findings.name} less {other}" for other in findings.differences)
    caption = "In percent, with 95 % intervals over people; differences in points, paired"
    return Table(caption, ("figure", *findings.judged, *others), list(_figures(findings)))


def _figures(findings: Findings) -> Iterator[tuple[Cell, ...]]:
    by_network = [list(verification_rows(judged.figures)) for judged in findings.judged.values()]
    for rows in zip(*by_network, strict=True):
        seen = [Cell(percent(row.value), span(row.interval)) for row in rows]
        name = rows[0].figure
        gains = [_gain(differences[name]) for differences in findings.differences.values()]
        yield (Cell(name, "" if "unsupported" not in rows[0].note else "unsupported: too few pairs"), *seen, *gains)


def _gain(found: Figures) -> Cell:
    low, high = found["interval"]
    return Cell(f"{100 * found['difference']:+.2f}", span((low, high), "+"), found["verdict"])


def groups(findings: Findings) -> list[Table]:
    """Errors by group at one threshold for all, a table for every FMR; none where no groups are known."""
    return [
        Table(
            f"{findings.name} at the threshold for FMR {100 * float(far):g} % over all, {at['threshold']:.3f}",
            ("group", "false matches (FMR)", "missed matches (FNMR)", "impostor pairs", "genuine pairs"),
            list(_groups(at)),
        )
        for far, at in findings.own.figures.get("groups", {}).items()
    ]


def _groups(at: Figures) -> Iterator[tuple[Cell, ...]]:
    for name, group in at["groups"].items():
        errors = [Cell(percent(group[error], 3), span(group[f"{error}_interval"], "", 3)) for error in ("fmr", "fnmr")]
        counts = (Cell(f"{group[kind]:,}") for kind in ("impostor", "genuine"))
        yield (Cell(name, "" if group["supported"] else "unsupported: too few pairs"), *errors, *counts)
    ratios = [at["ratios"][error] for error in ("fmr", "fnmr")]
    said = [Cell(_times(ratio["highest_over_lowest"]), " to ".join(map(_times, ratio["interval"]))) for ratio in ratios]
    yield (Cell("highest over lowest"), *said, Cell(""), Cell(""))


def files(device: OnDevice) -> Table:
    """Latency, size and drift of every file of the package."""
    columns = (
        "file", "p50, ms", "p95, ms", "KiB", "least cosine", "mean", "p1", "worst TAR change, points", "threshold",
    )  # fmt: skip
    caption = f"One crop at a time, one thread, on {device.machine}; drift on {device.crops:,} crops of this report"
    return Table(caption, columns, [_file(name, each) for name, each in device.files.items()])


def _file(name: str, file: Exported) -> tuple[Cell, ...]:
    seen, entry = file.parity.agreement, file.entry
    known = file.threshold
    threshold = Cell("-") if known is None else Cell(f"{known['threshold']:.4f}", f"FMR {known['fmr']:g}")
    drift = (Cell(f"{value:.5f}") for value in (seen.min_cosine, seen.mean_cosine, seen.p1_cosine))
    times = (Cell(f"{value:.2f}") for value in (file.speed.p50_ms, file.speed.p95_ms))
    return (
        Cell(name, f"in float: {', '.join(entry['kept_in_float'])}" if entry["kept_in_float"] else ""),
        *times,
        Cell(f"{entry['bytes'] / 1024:,.0f}"),
        *drift,
        Cell(f"{100 * file.parity.worst_tar_change:+.2f}"),
        threshold,
    )


def percent(share: float | None, digits: int = 2) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f}"


def span(interval: tuple[float, float] | list[float] | None, sign: str = "", digits: int = 2) -> str:
    """An interval in percent."""
    if interval is None or None in interval:
        return ""
    low, high = (f"{100 * end:{sign}.{digits}f}" for end in interval)
    return f"{low} to {high}"


def _times(ratio: float | None) -> str:
    return "without end" if ratio is None else f"{ratio:.2f}"
