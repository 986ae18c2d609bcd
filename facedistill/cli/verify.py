"""``calibrate`` and ``verify``: a threshold that means something, and two photographs judged by it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UserError
from .options import AsJson, Package
from .show import print_table

if TYPE_CHECKING:
    from ..crop import AbstractLocator
    from ..export.threshold import Threshold

Which = Annotated[str | None, typer.Option("--file", help="A file or a precision [the most precise].")]


def calibrate(
    package: Package,
    faces: Annotated[Path, typer.Option(help="Aligned crops, a folder per person, none of them trained on.")],
    fmr: Annotated[float, typer.Option(help="False-match rate: strangers taken for one person.")] = 1e-3,
    replicates: Annotated[int, typer.Option(min=1, help="Of the bootstrap.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Find every file's threshold for a false-match rate, and store it with its histograms in the package."""
    from ..data.open import open_faces
    from ..export.package import open_package
    from ..export.threshold import calibrate as find

    opened, known = open_package(package), open_faces(faces)
    calibrations = {
        file: find(opened.open(file), known, opened.size_px, fmr, replicates=replicates) for file in opened.files
    }
    if not calibrations:
        raise UserError(f"{package} has no file that passed its gate; export the student again.")
    opened.calibrated(calibrations)
    found = {file: each.threshold.as_dict() for file, each in calibrations.items()}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    columns = ("file", "threshold", "95 % interval", "FMR", "TAR", "pairs of strangers")
    print_table(str(package), columns, [_row(file, entry) for file, entry in found.items()])


def _row(file: str, entry: dict[str, Any]) -> tuple[str, ...]:
    span = f"{entry['low']:.4f} to {entry['high']:.4f}"
    rates = f"{entry['fmr_reached']:.2e}", f"{100 * entry['tar']:.2f} %"
    return file, f"{entry['threshold']:.4f}", span, *rates, f"{entry['impostor_pairs']:,}"


def verify(
    package: Package,
    first: Annotated[Path, typer.Argument(metavar="A", help="A photograph, or an aligned crop.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    detector: Annotated[Path | None, typer.Option(help="ONNX file of a YuNet; without it both are crops.")] = None,
    file: Which = None,
    as_json: AsJson = False,
) -> None:
    """Say whether two photographs show one person, and how often strangers are mistaken at that threshold."""
    import numpy as np

    from ..evaluate.embeddings.unit import unit_rows
    from ..export.package import open_package
    from ..export.photograph import crop_of

    opened = open_package(package)
    name = opened.choose(file)
    threshold = _threshold(opened.thresholds.get(name), package, name)
    locator = _locator(detector)
    crops = np.stack([crop_of(each, locator, opened.size_px) for each in (first, second)])
    a, b = unit_rows(opened.open(name)(crops).astype(np.float64))
    cosine = float(a @ b)
    answer = {"answer": threshold.judge(cosine), "similarity": cosine, "file": name, **threshold.as_dict()}
    print(json.dumps(answer, indent=2) if as_json else _told(cosine, threshold))


def _threshold(stored: dict[str, Any] | None, package: Path, file: str) -> "Threshold":
    from ..export.threshold import Threshold

    if stored is None:
        raise UserError(
            f"{package} has no threshold for {file} yet; find one: facedistill calibrate {package} --faces DIR"
        )
    return Threshold(**stored)


def _locator(detector: Path | None) -> "AbstractLocator | None":
    from ..crop import DetectedFaces, Several, YuNet

    return None if detector is None else DetectedFaces(YuNet(detector), several=Several.ERROR)


def _told(cosine: float, threshold: "Threshold") -> str:
    return (
        f"{threshold.judge(cosine)}: similarity {cosine:.4f}, threshold {threshold.threshold:.4f} "
        f"({threshold.low:.4f} to {threshold.high:.4f}), above which {threshold.fmr:g} of strangers come."
    )
