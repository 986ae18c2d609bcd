"""How many drawn faces a second one core renders, alone or side by side with another checkout of the project.

    python benchmarks/drawn_faces.py [--against ../other/checkout]

Each repeat is a process of its own, checkouts in turn, and counts the processor time of that process, so that what else
the machine does matters little; the fastest repeat counts. The digest says whether both draw the same pixels.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

HERE = Path(__file__).resolve().parents[1]
WORK = """
import hashlib, json, sys, time
import cv2
from facedistill.data.synthetic import DrawnFaces
cv2.setNumThreads(0)
count, size_px = int(sys.argv[1]), int(sys.argv[2])
faces = DrawnFaces(identities=count // 10 + 1, images_per_identity=10, size_px=size_px)
digest = hashlib.sha256()
for index in range(20):
    faces.image(index)
start = time.process_time()
for index in range(count):
    digest.update(faces.image(index).tobytes())
print(json.dumps({"faces_per_s": count / (time.process_time() - start), "digest": digest.hexdigest()[:16]}))
"""


def main(
    against: Annotated[Path | None, typer.Option(help="Another checkout, to compare with.")] = None,
    repeats: Annotated[int, typer.Option(help="Processes for each checkout.")] = 8,
    count: Annotated[int, typer.Option(help="Faces each process draws.")] = 400,
    size_px: Annotated[int, typer.Option(help="Side of a crop.")] = 112,
) -> None:
    """Print faces a second of one core, the fastest of the repeats."""
    checkouts = [HERE, *([against.resolve()] if against else [])]
    runs = [[_measure(checkout, count, size_px) for checkout in checkouts] for _ in range(repeats)]
    best = [max(run[number]["faces_per_s"] for run in runs) for number in range(len(checkouts))]
    for checkout, rate, seen in zip(checkouts, best, runs[0], strict=True):
        print(f"{rate:6.0f} faces/s at {size_px} px, pixels {seen['digest']}, {checkout}")
    if against:
        print(f"{best[0] / best[1]:6.2f} times as fast")


def _measure(checkout: Path, count: int, size_px: int) -> dict:
    command = [sys.executable, "-c", WORK, str(count), str(size_px)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # What -c runs imports from its working directory first.
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    typer.run(main)
