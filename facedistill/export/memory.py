"""Peak memory of one file, in a process of its own: ``python -m facedistill.export.memory FILE THREADS`` prints MiB."""

import sys
from pathlib import Path

import numpy as np

from .contract import target_of
from .package import open_package


def _kib(key: str) -> int:
    """A line of Linux' account of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{key}:")).split()[1])


def added_mib(file: Path, threads: int) -> float:
    """What opening a file of a package and one crop add, at the highest."""
    size_px = open_package(file.parent).size_px
    _, runtime = target_of(file.name)
    before = _kib("VmRSS")
    runtime.open(file, threads=threads)(np.zeros((1, size_px, size_px, 3), np.uint8))
    return max(0, _kib("VmHWM") - before) / 1024


if __name__ == "__main__":
    print(added_mib(Path(sys.argv[1]), int(sys.argv[2])))
