"""What alignment costs one core, step by step, and the whole verb beside it in the same run, in processor time.

    python benchmarks/alignment.py PHOTOGRAPHS --detector yunet.onnx [--crops CROPS]

``--crops`` names crops of the same photographs with a ``landmarks.csv``: how far ours lie from them is printed, too.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import cv2
import numpy as np
import typer

from facedistill.crop import DetectedFaces, Output, YuNet, align_face, align_folder
from facedistill.data.codec import decode
from facedistill.data.folder import FolderFaces, image_paths
from facedistill.data.landmarks import read_landmarks

app = typer.Typer(add_completion=False)


@app.command()
def main(
    photographs: Annotated[Path, typer.Argument(help="Folder of photographs.")],
    detector: Annotated[Path, typer.Option(help="ONNX file of a YuNet.")],
    crops: Annotated[Path | None, typer.Option(help="Crops of the same photographs to compare with.")] = None,
    rounds: Annotated[int, typer.Option(help="The median of so many is printed.")] = 5,
) -> None:
    """Print milliseconds a photograph and photographs a second."""
    cv2.setNumThreads(1)
    print("| step | ms a photograph | a second |\n|---|---|---|")
    for name, ms in steps(photographs, detector, rounds).items():
        print(f"| {name} | {ms:.2f} | {1000 / ms:.0f} |")
    if crops is not None:
        print(compared(photographs, detector, crops))


def steps(photographs: Path, detector: Path, rounds: int) -> dict[str, float]:
    """Milliseconds a photograph by step; the folder is read and written with one worker."""
    files = [photographs / path for path in image_paths(photographs)]
    data = [file.read_bytes() for file in files]
    images = [decode(whole) for whole in data]
    locator, output = DetectedFaces(YuNet(detector)), Output()
    points = [locator.locate(file.name, image).points_px for file, image in zip(files, images, strict=True)]
    done = [align_face(image, five) for image, five in zip(images, points, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        file, runs = Path(folder) / "crop.jpg", iter(range(rounds))
        work: dict[str, Callable[[], object]] = {
            "decode": lambda: [decode(whole) for whole in data],
            "detect": lambda: [locator.locate("", image) for image in images],
            "warp": lambda: [align_face(image, five) for image, five in zip(images, points, strict=True)],
            "detect and warp": lambda: [align_face(image, locator.locate("", image).points_px) for image in images],
            "encode and write": lambda: [output.write(crop, file) for crop in done],
            "the whole verb": lambda: align_folder(photographs, Path(folder) / f"{next(runs)}", locator, workers=1),
        }
        return {name: timed(run, rounds) * 1000 / len(files) for name, run in work.items()}


def timed(run: Callable[[], object], rounds: int) -> float:
    """Median seconds of the processor, which others on the machine cannot lengthen as they do the clock's."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return median(seconds)


def compared(photographs: Path, detector: Path, crops: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "crops"
        summary = align_folder(photographs, out, DetectedFaces(YuNet(detector)), workers=1)
        ours, theirs = FolderFaces(out, labelled=False), read_landmarks(crops / "landmarks.csv")
        points, levels = [], []
        for index in range(len(ours)):
            own, name = ours.landmarks_px(index), ours.name(index)
            points.append(np.linalg.norm(own - theirs[name], axis=1).mean())
            levels.append(np.abs(ours.image(index).astype(int) - decode((crops / name).read_bytes())).mean())
    return (
        f"{summary.aligned} of {summary.photographs} aligned; landmarks {np.mean(points):.4f} px apart on average, "
        f"{max(points):.4f} at most; pixels {np.mean(levels):.2f} grey levels, {max(levels):.2f} at most."
    )


if __name__ == "__main__":
    app()
