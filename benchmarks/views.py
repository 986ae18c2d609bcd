"""Where the time of a view goes: every part of reading a face, in turn, in microseconds of one core.

python benchmarks/views.py
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import typer

from facedistill.bench.faces import jpeg_records
from facedistill.bench.measure import Effort
from facedistill.data import views as parts
from facedistill.data.chance import Purpose, draws
from facedistill.data.codec import check
from facedistill.data.views import Draws, Views

FACES = 256


def main(rounds: int = 31) -> None:
    """Print a row a part, for the default views of drawn faces."""
    cv2.setNumThreads(0)
    views, planes = Views(), list(torch.empty(3, 112, 112, dtype=torch.uint8).numpy())
    with tempfile.TemporaryDirectory() as folder:
        faces = jpeg_records(Path(folder) / "faces", FACES)
        files = [faces.encoded(index) for index in range(FACES)]
        crops = [faces.image(index) for index in range(FACES)]
        drawn = [_drawn(index) for index in range(FACES)]
        ways: dict[str, Callable[[], object]] = {
            "read": lambda: [faces.encoded(index) for index in range(FACES)],
            "check the header": lambda: [check(file) for file in files],
            "decode": lambda: [cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB) for file in files],
            "draw the numbers": lambda: [_drawn(index) for index in range(FACES)],
            **{step.__name__: _each(step, crops, views, drawn) for step in parts._STEPS},
            "put into the batch": lambda: [cv2.split(crop, planes) for crop in crops],
        }
        for name, seconds in Effort().interleaved(ways, full=rounds).items():
            print(f"| {name.strip('_').replace('_', ' ')} | {1e6 * seconds / FACES:.1f} |")


def _drawn(index: int) -> Draws:
    return Draws(*draws(len(Draws._fields), Purpose.VIEW, 0, index, 0).tolist())


def _each(
    step: Callable[[np.ndarray, Views, Draws], object], crops: list[np.ndarray], views: Views, drawn: list[Draws]
) -> Callable[[], object]:
    return lambda: [step(crop, views, chance) for crop, chance in zip(crops, drawn, strict=True)]


if __name__ == "__main__":
    typer.run(main)
