"""Faces from a RecordIO file to batches of uint8, a core."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path

import cv2
import numpy as np

from ..data.contract import AbstractFaces
from ..data.loader import Loader
from ..data.recordio.faces import RecordFaces
from ..data.views import Views
from . import eager
from .faces import jpeg_records, stub_records
from .measure import Effort
from .row import Row, at_least, at_most, beside, near

IMAGES, OPENED = 16_384, 5_822_653
"""Of the file that is read, 60 MB and no cache's; of the one that is only opened, as many as MS1MV2."""
BATCH = 128

CROPS_A_CORE, OPEN_S = 10_000.0, 2.0
OVER_EAGER, OF_SEQUENTIAL = 1.5, 0.9
PARSED = 10
"""The usual reader of an index is asked for every tenth of it only, and its time multiplied."""


def bench_load(effort: Effort) -> list[Row]:
    """Decoding, views, order and opening."""
    with tempfile.TemporaryDirectory() as folder:
        faces = jpeg_records(Path(folder) / "jpeg", IMAGES)
        return [*_crops(effort, faces), _shuffled(effort, faces), *_opened(effort, Path(folder) / "stubs")]


def _crops(effort: Effort, faces: AbstractFaces) -> Iterator[Row]:
    chance = np.random.default_rng(0)
    files = [faces.encoded(index) or b"" for index in range(BATCH)]
    taken = effort.interleaved(
        {
            "mirror": _batches(faces, Views.mirror_only()),
            "views": _batches(faces, Views()),
            "eager": lambda: eager.load(faces, range(BATCH), chance),
            "decode": lambda: [cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR) for file in files],
        },
        quick=31,
        full=101,
    )
    rates = {name: BATCH / seconds for name, seconds in taken.items()}
    for name, what in (("mirror", "decode, mirror, batch"), ("views", "decode, all default views, batch")):
        yield at_least(
            f"load.{name}", what, "crops/s", rates[name], CROPS_A_CORE, eager=rates["eager"], limit=rates["decode"]
        )
    yield beside(
        "load.eager",
        "the same as uint8, beside PIL and float32",
        "crops/s",
        rates["mirror"],
        rates["eager"],
        OVER_EAGER,
        limit=rates["decode"],
    )


def _batches(faces: AbstractFaces, views: Views) -> Callable[[], object]:
    """Reads another batch at every call."""
    loader = Loader(faces, views, batch=BATCH, seed=0, size_px=112)
    batches = chain.from_iterable(loader.epoch(number) for number in count())
    return lambda: next(batches)


def _shuffled(effort: Effort, faces: RecordFaces) -> Row:
    chance = np.random.default_rng(0)
    shuffled = iter(chance.integers(0, len(faces), (1000, BATCH)).tolist())
    runs = (range(start, start + BATCH) for start in chance.integers(0, len(faces) - BATCH, 1000).tolist())
    taken = effort.interleaved(
        {
            "shuffled": lambda: [faces.image(index) for index in next(shuffled)],
            "sequential": lambda: [faces.image(index) for index in next(runs)],
        },
        quick=31,
        full=101,
    )
    return near(
        "load.shuffled",
        "decoded in random order, of in the file's order",
        "crops/s",
        BATCH / taken["shuffled"],
        BATCH / taken["sequential"],
        OF_SEQUENTIAL,
    )


def _opened(effort: Effort, folder: Path) -> Iterator[Row]:
    path = stub_records(folder, OPENED)
    with _cache(folder / "cache"):
        first = effort.seconds(lambda: RecordFaces(path))
        again = effort.interleaved({"open": lambda: RecordFaces(path)})["open"]
    parsed = PARSED * effort.seconds(lambda: _parsed(path.with_suffix(".idx"), OPENED // PARSED))
    yield at_most("load.open", "open 5.8 million records", "s", again, OPEN_S, eager=parsed)
    yield at_most("load.first_open", "the same for the first time, checked", "s", first, OPEN_S, eager=parsed)


def _parsed(index: Path, lines: int) -> dict[int, int]:
    """An index as RecordIO's usual reader holds it."""
    with index.open() as file:
        pairs = (line.strip().split("\t") for line in islice(file, lines))
        return {int(key): int(offset) for key, offset in pairs}


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """A cache of its own, so that the first opening is one and nothing is left."""
    before = os.environ.get("FACEDISTILL_CACHE")
    os.environ["FACEDISTILL_CACHE"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("FACEDISTILL_CACHE")
        os.environ |= {} if before is None else {"FACEDISTILL_CACHE": before}
