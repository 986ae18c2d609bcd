"""The tables of docs/export.md: every runtime and precision of some students, proven and timed side by side.

python benchmarks/exports.py RUN... [--to onnx,openvino,ncnn] [--precision fp32,fp16,int8] [--rounds 20]
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from facedistill.evaluate.report.table import markdown_table
from facedistill.export.bench import bench_device, machine_name
from facedistill.export.export import Wanted, export
from facedistill.export.package import open_package
from facedistill.progress import Reporter
from facedistill.teachers.live import open_network

COLUMNS = (
    "file",
    "cosine: least",
    "mean",
    "p1",
    "worst TAR change, points",
    "KiB",
    "p50, ms",
    "least",
    "CPU",
    "x limit",
    "peak, MiB",
)


def main(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    to: Annotated[str, typer.Option(help="Runtimes.")] = "onnx,openvino,ncnn",
    precision: Annotated[str, typer.Option(help="Precisions.")] = "fp32,fp16,int8",
    rounds: Annotated[int, typer.Option(help="Turns of every file, ten calls each.")] = 20,
) -> None:
    """Print a table for each student."""
    for run in runs:
        with TemporaryDirectory() as scratch, Reporter() as report:
            folder = Path(scratch) / "package"
            wanted = Wanted(targets=to.split(","), precisions=precision.split(","))
            manifest = export(open_network(run), {"name": run.name}, folder, wanted, report)
            timed = bench_device(open_package(folder), rounds=rounds, report=report)["rows"]
        student = manifest["student"]
        print(
            f"\n{student['name']}: {student['weights']:,} weights, {student['macs'] / 1e6:.1f} M multiply-adds, "
            f"limit {timed[0]['limit_ms']:.2f} ms, {machine_name()}\n"
        )
        print(markdown_table(COLUMNS, _rows(manifest["exports"], {row["file"]: row for row in timed})), flush=True)


def _rows(exports: Mapping[str, Any], timed: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, entry in exports.items():
        parity, row = entry["parity"], timed.get(name)
        cosines = [f"{parity[key]:.5f}" for key in ("min_cosine", "mean_cosine", "p1_cosine")]
        tar = f"{100 * min(parity['tar_change'].values()):+.2f}"
        times = ["", "", "", ""] if row is None else [f"{row[key]:.2f}" for key in ("p50_ms", "least_ms", "cpu_ms")]
        rest = [] if row is None else [f"{row['least_ms'] / row['limit_ms']:.1f}", f"{row['peak_mib']:.1f}"]
        yield f"`{name}`", *cosines, tar, f"{entry['bytes'] / 1024:,.0f}", *times, *rest


if __name__ == "__main__":
    typer.run(main)
