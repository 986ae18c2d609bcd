"""``bench``: how long an exported student takes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UserError
from .options import AsJson
from .show import print_table
from .verify import Package

if TYPE_CHECKING:
    from ..export.contract import Runner

bench_app = typer.Typer(no_args_is_help=True, help="Measure what was exported.")


@bench_app.callback()
def bench() -> None:
    """Measure what was exported."""


@bench_app.command("device")
def bench_device(
    package: Package,
    threads: Annotated[str, typer.Option(metavar="N,...", help="Threads of a call.")] = "1",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of every file, ten calls each.")] = 20,
    naive: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Also this run as PyTorch's exporter leaves it, in the same rounds."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Latency at batch 1 of every file on this machine, with its arithmetic, size and memory."""
    from ..export.bench import bench_device as measure
    from ..export.package import open_package
    from ..progress import Reporter

    counts = [part.strip() for part in threads.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in counts):
        raise UserError(f"--threads takes numbers such as 1,2; it got '{threads}'.")
    beside = {} if naive is None else {"as exported by PyTorch": _plain(naive)}
    with Reporter() as report:
        found = measure(
            open_package(package), [int(part) for part in counts], rounds=rounds, beside=beside, report=report
        )
    if as_json:
        print(json.dumps(found, indent=2))
        return
    columns = ("file", "threads", "p50, ms", "p95", "least", "CPU", "KiB", "peak, MiB")
    print_table(found["machine"], columns, [_row(row) for row in found["rows"]])
    first = found["rows"][0]
    print(f"{first['weights']:,} weights, {first['macs'] / 1e6:,.1f} M multiply-adds.")


def _plain(run: Path) -> "Callable[[int], Runner]":
    """The student with nothing rewritten, for so many threads."""
    from ..export.dress import RGB, dressed
    from ..export.session import run_session
    from ..export.trace import trace
    from ..teachers.live import open_network
    from ..teachers.onnx import open_session

    student = open_network(run)
    data = dressed(trace(student), student.preprocess).SerializeToString()

    def make(threads: int) -> "Runner":
        session = open_session(data, str(run), threads=threads)
        return lambda crops: run_session(session, {RGB: crops})

    return make


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    size = "-" if row["bytes"] is None else f"{row['bytes'] / 1024:,.0f}"
    peak = "-" if row["peak_mib"] is None else f"{row['peak_mib']:.1f}"
    times = (f"{row[key]:.3f}" for key in ("p50_ms", "p95_ms", "least_ms", "cpu_ms"))
    return row["file"], str(row["threads"]), *times, size, peak
