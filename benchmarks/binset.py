"""How long a verification set takes to open, beside Python's own unpickling, which runs what the file says.

    python benchmarks/binset.py [--images 12000] [--bytes-each 6000]

The images are random bytes of the size of a 112 x 112 JPEG, written as the published sets are: bytes, or arrays of
uint8. Both readers get the same file from the page cache, by turns; the best of all turns is printed, in
seconds of processor time, which other work on the machine does not lengthen.
"""

import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from facedistill.data.binset import BinFaces


def main(
    images: Annotated[int, typer.Option(min=2)] = 12_000,
    bytes_each: Annotated[int, typer.Option(min=1)] = 6_000,
    turns: Annotated[int, typer.Option(min=1)] = 5,
) -> None:
    """Print seconds of processor time per file."""
    generator = np.random.default_rng(0)
    encoded = [generator.bytes(bytes_each) for _ in range(images)]
    arrays = [np.frombuffer(image, np.uint8).copy() for image in encoded]
    print(f"{images:,} images of {bytes_each:,} bytes; best of {turns}")
    print("| written as | facedistill | pickle.load |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, bins, protocol in (
            ("bytes, protocol 3", encoded, 3),
            ("bytes, protocol 5", encoded, 5),
            ("arrays, protocol 3", arrays, 3),
            ("arrays, protocol 5", arrays, 5),
            ("bytes, protocol 2 of Python 3", encoded, 2),
        ):
            file = Path(folder) / "set.bin"
            file.write_bytes(pickle.dumps((bins, [True] * (images // 2)), protocol))
            ours, theirs = _best(turns, lambda file=file: BinFaces(file), lambda file=file: _unpickled(file))
            print(f"| {name} | {ours:.2f} s | {theirs:.2f} s |")


def _unpickled(file: Path) -> object:
    with file.open("rb") as opened:
        return pickle.load(opened, encoding="bytes")  # noqa: S301  its author is this script


def _best(turns: int, *works: Callable[[], object]) -> list[float]:
    best = [float("inf")] * len(works)
    for _ in range(turns):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - start)
    return best


if __name__ == "__main__":
    typer.run(main)
