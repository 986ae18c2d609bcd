"""``export``: from a run to files for devices, each proven."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..errors import UserError
from ..files import file_digest, refuse_existing
from .options import AsJson, Backbone
from .show import print_table

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a safetensors file.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the package, new [`export` in the run folder].")]
To = Annotated[str, typer.Option(metavar="TARGET,...", help="Runtimes to write for.")]
Precision = Annotated[str, typer.Option(metavar="PRECISION,...", help="Of fp32, fp16 and int8.")]
Preprocess = Annotated[
    Literal["graph", "json"],
    typer.Option(help="Where pixels are prepared: in the file, which takes bytes, or by the app."),
]
Faces = Annotated[Path | None, typer.Option(help="Crops to prove the files on [drawn ones].")]
Calibration = Annotated[Path | None, typer.Option(help="Crops that int8 takes its ranges from [drawn ones].")]
Crops = Annotated[int, typer.Option(min=1000, help="How many crops prove a file.")]


def export(
    run: Run,
    out: Out = None,
    to: To = "onnx",
    precision: Precision = "fp32",
    preprocess: Preprocess = "graph",
    faces: Faces = None,
    calibration: Calibration = None,
    crops: Crops = 1000,
    backbone: Backbone = None,
    as_json: AsJson = False,
) -> None:
    """Write the student for other runtimes, and prove that every file is the student."""
    from ..backbones.load import weights_file
    from ..export import export as work
    from ..progress import Reporter
    from ..teachers.live import open_network

    weights = weights_file(run)
    out = weights.parent / "export" if out is None else out
    refuse_existing(out, "folder")
    if weights.suffix == ".onnx":
        raise UserError(f"{weights} is an export already; give the run or the safetensors file that it came from.")
    student = open_network(weights, backbone)
    wanted = work.Wanted(
        targets=_names(to),
        precisions=_names(precision),
        in_graph=preprocess == "graph",
        faces=_faces(faces),
        calibration=_faces(calibration),
        crops=crops,
    )
    source = {"name": run.absolute().name, "sha256": file_digest(weights)}
    with Reporter() as report:
        manifest = work.export(student, source, out, wanted, report)
    _show(manifest, out, as_json)
    work.check_accepted(manifest, out)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _faces(path: Path | None) -> Any:
    from ..data.open import open_any

    return None if path is None else open_any(path)


def _show(manifest: dict[str, Any], out: Path, as_json: bool) -> None:
    if as_json:
        print(json.dumps(manifest["exports"], indent=2))
        return
    columns = ("file", "cosine: min", "mean", "p1", "TAR, points", "KiB", "ms")
    print_table(str(out), columns, [_row(name, entry) for name, entry in manifest["exports"].items()])
    for name, entry in manifest["exports"].items():
        if entry["kept_in_float"]:
            print(f"{name} keeps in float: {', '.join(entry['kept_in_float'])}.")
    for words in manifest["left_out"]:
        print(f"Not written: {words}.")


def _row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    kib = f"{entry['bytes'] / 1024:,.0f}"
    if "unproven" in entry:
        return name, *["-"] * 4, kib, "-"
    parity = entry["parity"]
    tar = f"{100 * min(parity['tar_change'].values()):+.2f}" if parity["tar_change"] else "-"
    cosines = (f"{parity[key]:.5f}" for key in ("min_cosine", "mean_cosine", "p1_cosine"))
    return name, *cosines, tar, kib, f"{entry['p50_ms']:.2f}"
