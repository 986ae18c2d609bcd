"""``bench``: how long an exported student takes, and how fast trainings, stores, data and figures are."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UserError
from .options import AsJson, Package, check_new_file
from .show import print_table, short

if TYPE_CHECKING:
    from ..export.contract import Runner

bench_app = typer.Typer(no_args_is_help=True, help="Measure what was exported, and the work before it.")


@bench_app.callback()
def bench() -> None:
    """Measure what was exported, and the work before it."""


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
    _show(found["machine"], found["rows"])
    first = found["rows"][0]
    print(f"{first['weights']:,} weights, {first['macs'] / 1e6:,.1f} M multiply-adds.")


@bench_app.command("merge")
def merge(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What `bench device --json` printed.")],
    as_json: AsJson = False,
) -> None:
    """One table of several machines, the quickest file first."""
    rows = sorted((row for file in files for row in _rows_of(file)), key=lambda row: float(row["p50_ms"]))
    if as_json:
        print(json.dumps({"rows": rows}, indent=2))
        return
    _show("p50 and more, by machine", rows, machines=True)


def _rows_of(file: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(file.read_bytes())["rows"]
        [_row(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{file} is not what `facedistill bench device --json` prints; run it again.") from None
    return rows


def _show(title: str, rows: list[dict[str, Any]], *, machines: bool = False) -> None:
    columns: tuple[str, ...] = ("file", "threads", "p50, ms", "p95", "least", "CPU", "x limit", "KiB", "peak, MiB")
    cells = [_row(row) for row in rows]
    if machines:
        columns = ("machine", "student", *columns)
        cells = [(row["machine"], row["name"], *line) for row, line in zip(rows, cells, strict=True)]
    print_table(title, columns, cells)


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
    times_limit = f"{row['least_ms'] / row['limit_ms']:.1f}"
    return row["file"], str(row["threads"]), *times, times_limit, size, peak


AREAS = {
    "train": "Training MobileFaceNet, a ViT-S's answers, and both together, beside the usual loop.",
    "store": "What a teacher store saves of an epoch, and how fast it is read.",
    "load": "Faces from RecordIO to batches, in any order, and opening a large file.",
    "head": "The classifier's part of a step, all centres and a sample of them.",
    "evaluate": "Ten folds, and IJB-C's pairs with intervals.",
}
"""What can be measured, and what it is; ``all`` is all of them."""


def _add(verb: str, areas: Sequence[str], help: str) -> None:
    """A verb that measures ``areas``."""

    def run(
        quick: Annotated[bool, typer.Option("--quick", help="Fewer turns and smaller sizes: minutes in all.")] = False,
        threads: Annotated[int, typer.Option(min=1, help="With one, processor time counts; with more, wall time.")] = 1,
        out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the JSON object here, too.")] = None,
        as_json: AsJson = False,
    ) -> None:
        from ..bench.areas import measure
        from ..bench.measure import Effort
        from ..files import whole_file
        from ..progress import Reporter

        if out is not None:
            check_new_file(out)
        with Reporter() as report:
            found = measure(areas, Effort(quick, threads), report)
        text = json.dumps(found, indent=2)
        if out is not None:
            with whole_file(out) as file:
                file.write_text(text + "\n")
        print(text) if as_json else _print_speeds(found)

    bench_app.command(verb, help=help)(run)


def _print_speeds(found: dict[str, Any]) -> None:
    columns = ("", "unit", "ours", "eager", "limit", "ratio", "target", "met")
    title = f"{found['machine']}, {found['threads']} thread{'s' * (found['threads'] > 1)}"
    print_table(title, columns, [_speed(row) for row in found["targets"].values()])


def _speed(row: dict[str, Any]) -> tuple[str, ...]:
    rates = ("-" if row[key] is None else short(float(row[key])) for key in ("ours", "eager", "limit"))
    judged = (f"{row['ratio']:.2f}", f"{row['target']:g}", "yes" if row["met"] else "no")
    return f"{row['key']}: {row['what']}", row["unit"], *rates, *judged


for _verb, _help in AREAS.items():
    _add(_verb, [_verb], _help)
_add("all", list(AREAS), "All of these, one after the other.")
