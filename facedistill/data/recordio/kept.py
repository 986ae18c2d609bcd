"""What a large file and its index say, kept once it was read and checked: a second opening maps it into memory.

Reading five million heads touches every page of a file, which for a set of full size means to read all of it.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Int

from ...files import cache_folder
from .contents import Contents
from .table import Table

KEPT_FROM = 1_000_000
"""Images; smaller sets are read in less than half a second."""

_FORMAT, _ARRAYS = 1, 7
_Numbers = Int[np.ndarray, " n"]


def kept(path: Path, labelled: bool, read: Callable[[], Contents]) -> Contents:
    """The contents of ``path``: those that were kept where it and its index have not changed since, or else ``read``.

    They lie in the cache folder, 32 bytes an image, under a name made of the path.
    """
    name = hashlib.sha256(f"{path.resolve()} {labelled}".encode()).hexdigest()
    file, stamp = cache_folder() / "records" / f"{name}.npy", _stamp(path)
    found = _mapped(file, stamp)
    if found is None:
        found = read()
        if len(found.labels) >= KEPT_FROM:
            with suppress(OSError):  # a full or read-only disk costs time and nothing else
                _keep(file, _flat(stamp, found))
    return found


def _stamp(path: Path) -> list[int]:
    """Sizes and times of the file and its index: what changes when they do."""
    index = path.with_suffix(".idx")
    about = [os.stat(file) for file in (path, index) if file.exists()]
    return [_FORMAT, *chain.from_iterable((each.st_size, each.st_mtime_ns) for each in about)]


def _flat(stamp: list[int], contents: Contents) -> _Numbers:
    """One row of numbers: lengths of the arrays, then the arrays."""
    table = contents.table
    parts = [(place, *span) for place, spans in table.parts.items() for span in spans]
    arrays = [np.array(stamp), table.begins, table.lengths, contents.keys, contents.labels, contents.own_labels]
    arrays.append(np.array(parts, np.int64).ravel())
    return np.concatenate([np.array([len(array) for array in arrays]), *arrays])


def _mapped(file: Path, stamp: list[int]) -> Contents | None:
    """What ``_flat`` was given; None where nothing is kept, or something else."""
    try:
        # Copied where it is written to: labels are anybody's array.
        flat = np.asarray(np.load(file, mmap_mode="c", allow_pickle=False))
    except (OSError, ValueError, EOFError):
        return None
    if flat.dtype != np.int64 or flat.ndim != 1 or len(flat) < _ARRAYS:
        return None
    ends = _ARRAYS + np.cumsum(flat[:_ARRAYS])
    _, known, begins, lengths, keys, labels, own_labels, parts = np.split(flat, [_ARRAYS, *ends[:-1]])
    if ends[-1] != len(flat) or known.tolist() != stamp:
        return None
    return Contents(Table(begins, lengths, _parts(parts)), keys, labels, own_labels)


def _parts(flat: _Numbers) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for place, begin, end in flat.reshape(-1, 3).tolist():
        found.setdefault(place, []).append((begin, end))
    return found


def _keep(file: Path, numbers: _Numbers) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{os.getpid()}-{file.name}")
    try:
        np.save(partial, numbers)
        os.replace(partial, file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
