"""``align``."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ..errors import UserError, unknown
from ..progress import Display
from .options import AsJson

if TYPE_CHECKING:
    from ..crop import AbstractLocator, Output, Summary, YuNet

Choice = TypeVar("Choice", bound=Enum)


def align(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of photographs, in sub-folders or not.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the crops: new, or an earlier run's.")],
    detector: Annotated[
        str | None, typer.Option(help="ONNX file of a YuNet, or `yunet` to download one once into the user's cache.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="CSV file with path and five points in the photographs' pixels: no detector.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
    several: Annotated[
        str, typer.Option(metavar="largest|central|error", help="Which of several faces in a photograph to take.")
    ] = "largest",
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Faces below this score do not count.")] = 0.6,
    min_face_px: Annotated[int, typer.Option(min=0, help="Nor do faces smaller than this in the photograph.")] = 10,
    longest_px: Annotated[
        int, typer.Option(min=32, help="Photographs are shrunk to this side to look for faces.")
    ] = 640,
    size_px: Annotated[int, typer.Option(min=16, help="Side of a crop.")] = 112,
    format: Annotated[str, typer.Option(metavar="jpg|png", help="Of the crops.")] = "jpg",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG crops.")] = 95,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads [one a core].")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the face of every photograph and write it as a crop on the ArcFace template."""
    from ..crop import DetectedFaces, GivenLandmarks, Output, Several
    from ..crop.output import Format

    if (detector is None) == (landmarks is None):
        raise UserError("Give either --detector, a YuNet, or --landmarks, a CSV file with points.")
    output = Output(size_px=size_px, format=_one_of("format", format, Format), quality=quality)
    if landmarks is not None:
        locator: AbstractLocator = GivenLandmarks(landmarks)
    else:
        rule = _one_of("choice", several, Several)
        yunet = _yunet(str(detector), offline, min_score, longest_px)
        locator = DetectedFaces(yunet, several=rule, min_face_px=min_face_px)
    summary, seconds = _align(source, destination, locator, output, workers)
    print(json.dumps(asdict(summary), indent=2) if as_json else _told(summary, destination, seconds))
    if not summary.aligned or summary.several_faces:
        raise SystemExit(1)


def _yunet(detector: str, offline: bool, min_score: float, longest_px: int) -> "YuNet":
    from ..crop import YuNet
    from ..crop.weights import detector_file

    return YuNet(detector_file(detector, offline=offline), min_score=min_score, longest_px=longest_px)


def _align(
    source: Path, destination: Path, locator: "AbstractLocator", output: "Output", workers: int | None
) -> tuple["Summary", float]:
    """What became of the photographs, and the seconds that it took."""
    from ..crop import align_folder

    start = time.monotonic()
    with _Speed() as speed:
        try:
            summary = align_folder(source, destination, locator, output=output, workers=workers, progress=speed)
            return summary, time.monotonic() - start
        except KeyboardInterrupt:
            print(f"Stopped. The crops in {destination} are kept; the same command goes on.", file=sys.stderr)
            raise SystemExit(130) from None


class _Speed:
    """Progress with photographs per second."""

    def __init__(self) -> None:
        self._displays = ExitStack()
        self._advance: Callable[[int], object] | None = None

    def __enter__(self) -> "_Speed":
        return self

    def __exit__(self, *_: object) -> None:
        self._displays.close()

    def __call__(self, done: int, total: int) -> None:
        if self._advance is None:
            self._advance = self._begin(done, total)
        else:
            self._advance(done)

    def _begin(self, first: int, total: int) -> Callable[[int], object]:
        display = self._displays.enter_context(Display(total, done=first, title="align"))
        start = time.monotonic()
        return lambda done: display.advance(done, f"{(done - first) / (time.monotonic() - start):.0f} images/s")


def _one_of(kind: str, name: str, choices: type[Choice]) -> Choice:
    known = {choice.value: choice for choice in choices}
    if name not in known:
        raise unknown(kind, name, known)
    return known[name]


def _told(summary: "Summary", destination: Path, seconds: float) -> str:
    parts = [f"{summary.photographs} photographs: {summary.aligned} crops in {destination}"]
    parts += [f"{summary.no_face} without a face"] if summary.no_face else []
    parts += [f"{summary.several_faces} with several faces"] if summary.several_faces else []
    parts += [f"{summary.unreadable} unreadable"] if summary.unreadable else []
    listed = " (see not_found.csv)" if len(parts) > 1 else ""
    speed = f"; {summary.aligned_now / seconds:.0f} crops/s" if summary.aligned_now else "; nothing was left to do"
    return f"{', '.join(parts)}{listed}{speed}."
