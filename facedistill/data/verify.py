"""Every image decoded once, strictly: damage that a decoder would paint over counts, too."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import simplejpeg

from ..files import whole_file
from .codec import check, decode
from .contract import AbstractFaces, UnreadableImage

TASK = 64
"""Images that a thread takes at a time; a task costs as much as decoding half a crop."""
TASKS_AT_ONCE = 16
"""Tasks between two reports of progress."""


@dataclass(frozen=True)
class Bad:
    """An image that cannot be read."""

    name: str
    reason: str


def find_bad(
    faces: AbstractFaces, *, threads: int | None = None, report: Callable[[int], object] = lambda done: None
) -> list[Bad]:
    """The images that are unreadable or damaged, in order; ``report`` is told how many were looked at.

    ``threads`` None takes one per core: decoders work outside the interpreter's lock.
    """
    found: list[Bad] = []
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for group in _groups(len(faces), TASK * TASKS_AT_ONCE):
            tasks = _groups(group.stop, TASK, group.start)
            for some in pool.map(lambda task: [bad for index in task for bad in _bad(faces, index)], tasks):
                found += some
            report(group.stop)
    return found


def save_bad(file: Path, found: Sequence[Bad]) -> None:
    """A CSV file with the columns ``name`` and ``reason``, whole or not at all.

    Raises:
        UserError: the file exists.
    """
    with (
        whole_file(file) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8", errors="surrogateescape") as to,
    ):
        writer = csv.writer(to)
        writer.writerow(("name", "reason"))
        writer.writerows((bad.name, bad.reason) for bad in found)


def check_strictly(data: bytes) -> None:
    """Decodes an image file without forgiving anything.

    OpenCV fills what is missing in a JPEG with grey and says nothing; libjpeg-turbo's own warnings are errors here.

    Raises:
        UnreadableImage: gives the reason alone.
    """
    check(data)
    if not data.startswith(b"\xff\xd8"):
        decode(data)
        return
    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY")
    except ValueError as error:
        if "tjDecompressHeader" not in str(error):
            raise UnreadableImage(f"it is damaged: {error}") from None
        decode(data)  # planes of sizes that this decoder does not know


def _bad(faces: AbstractFaces, index: int) -> Iterator[Bad]:
    try:
        data = faces.encoded(index)
        if data is None:
            faces.image(index)
        else:
            check_strictly(data)
    except UnreadableImage as error:
        yield Bad(faces.name(index), str(error).removeprefix(f"{faces.name(index)}: "))


def _groups(stop: int, size: int, start: int = 0) -> Iterator[range]:
    return (range(first, min(first + size, stop)) for first in range(start, stop, size))
