"""facedistill, torchdistill and an eager loop: the same student, teacher, faces, batch and precision, in turn.

    PYTHONPATH=peers python benchmarks/peers/compare.py [--threads 2]

README.md beside this file says what must be installed, and where.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import cv2
import torch
import typer
import with_torchdistill

from facedistill.backbones.mobilefacenet import mobilefacenet_1m2
from facedistill.backbones.vit import vit_s
from facedistill.bench.measure import Effort
from facedistill.bench.train import distillations, made
from facedistill.errors import UserError
from facedistill.train.allocator import keep_freed_memory

WORDS = {
    "stored": "facedistill, teacher stored",
    "live": "facedistill, teacher live",
    "eager": "eager loop, teacher live",
    "torchdistill": "torchdistill, teacher live",
}


def main(
    batch: int = 32,
    rounds: Annotated[int, typer.Option(help="Steps of each that are timed.")] = 7,
    threads: Annotated[int, typer.Option(help="With one, processor time counts; with more, wall time.")] = 1,
) -> None:
    """Print faces a second of MobileFaceNet-1.2M learning from a ViT-S at 112 px in float32, loading included."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(0)
    keep_freed_memory()  # for all of them
    with tempfile.TemporaryDirectory() as folder:
        faces = made(Path(folder), batch)
        peer = with_torchdistill.training(mobilefacenet_1m2(), vit_s(), faces, batch)
        ways = {**distillations(Path(folder), faces, batch), "torchdistill": peer}
        taken = Effort(threads=threads).interleaved(ways, full=rounds)
    title = f"batch {batch}, {threads} thread{'s' * (threads > 1)}, fp32"
    print(f"| {title} | faces/s | of the eager loop | of torchdistill |")
    print("|---|---|---|---|")
    for name, words in WORDS.items():
        ratios = " | ".join(f"{taken[other] / taken[name]:.2f}" for other in ("eager", "torchdistill"))
        print(f"| {words} | {batch / taken[name]:.1f} | {ratios} |")


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"Error: {error}") from None
