"""A folder of photographs to a folder of crops."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from ..data.codec import SUFFIXES, read_image
from ..data.contract import UnreadableImage
from ..data.folder import image_paths
from ..errors import UserError
from .claim import claim
from .contract import AbstractLocator, NoFace, SeveralFaces
from .journal import Fate, Journal, Outcome
from .lists import carry_pairs, write_lists
from .output import Output
from .warp import align_face, crop_points

CHUNK = 1024
"""Photographs that are handed to the threads at a time."""

_FATES: dict[type[Exception], Fate] = {
    NoFace: Fate.NO_FACE,
    SeveralFaces: Fate.SEVERAL_FACES,
    UnreadableImage: Fate.UNREADABLE,
}


@dataclass(frozen=True)
class Summary:
    """Photographs by what became of them, earlier runs included."""

    photographs: int
    aligned: int
    no_face: int
    several_faces: int
    unreadable: int
    aligned_now: int
    """Crops that this run wrote."""


def align_folder(
    source: Path,
    destination: Path,
    locator: AbstractLocator,
    *,
    output: Output | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Summary:
    """Writes a crop of every photograph below ``source`` to the same place below ``destination``, and two lists.

    ``landmarks.csv`` has the crops with score and points, ``not_found.csv`` the photographs without, and why; lists
    of pairs are copied. A run that was stopped continues when it is started again.

    Args:
        workers: threads, one a core by default; their number changes nothing that is written.
        progress: told how many photographs are done, and of how many, at the start too.

    Raises:
        UserError: no photographs, two that would share a crop, or a destination that holds something else.
    """
    output = output or Output()
    crops = _crops(source, output)
    claim(destination, source, {**output.settings(), **locator.settings()})
    with Journal(destination / ".journal.jsonl") as journal:
        done = {path for path, outcome in journal.outcomes.items() if _stands(destination, outcome, output)}
        work = _Work(source, destination, locator, output, journal)
        waiting = [path for path in crops if path not in done]
        fates = _run(work, waiting, workers, len(crops), progress or (lambda done, total: None))
        outcomes = [journal.outcomes[path] for path in crops]
    write_lists(destination, outcomes, output)
    carry_pairs(source, destination)
    whole = Counter(outcome.fate for outcome in outcomes)
    return Summary(
        photographs=len(crops),
        aligned=whole[Fate.ALIGNED],
        no_face=whole[Fate.NO_FACE],
        several_faces=whole[Fate.SEVERAL_FACES],
        unreadable=whole[Fate.UNREADABLE],
        aligned_now=fates[Fate.ALIGNED],
    )


@dataclass(frozen=True)
class _Work:
    """One photograph at a time, in any thread."""

    source: Path
    destination: Path
    locator: AbstractLocator
    output: Output
    journal: Journal

    def __call__(self, path: str) -> Fate:
        try:
            outcome = self._align(path)
        except (NoFace, UnreadableImage) as error:
            reason = str(error).removeprefix(f"{self.source / path}: ")
            outcome = Outcome(path, _FATES[type(error)], reason)
        self.journal.add(outcome)
        return outcome.fate

    def _align(self, path: str) -> Outcome:
        photograph = read_image(self.source / path)
        face = self.locator.locate(path, photograph)
        size_px = self.output.size_px
        points = tuple((round(x, 3), round(y, 3)) for x, y in crop_points(face.points_px, size_px).tolist())
        crop = align_face(photograph, face.points_px, size_px)
        self.output.write(crop, self.destination / self.output.name(path))
        score = None if face.score is None else round(face.score, 4)
        return Outcome(path, Fate.ALIGNED, score=score, points_px=points)


def _crops(source: Path, output: Output) -> dict[str, str]:
    """Crops by photograph."""
    if not source.is_dir():
        raise UserError(f"There is no folder {source}; give one that holds photographs.")
    photographs: dict[str, str] = {}
    for path in image_paths(source):
        crop = output.name(path)
        if crop in photographs:
            raise UserError(f"In {source} both {photographs[crop]} and {path} would become {crop}; rename one.")
        photographs[crop] = path
    if not photographs:
        raise UserError(f"{source} holds no images ({', '.join(sorted(SUFFIXES))}); give a folder of photographs.")
    return {path: crop for crop, path in photographs.items()}


def _stands(destination: Path, outcome: Outcome, output: Output) -> bool:
    return outcome.fate is not Fate.ALIGNED or (destination / output.name(outcome.path)).is_file()


def _run(
    work: _Work,
    waiting: Sequence[str],
    workers: int | None,
    total: int,
    progress: Callable[[int, int], object],
) -> Counter[Fate]:
    """Fates of the photographs that are waiting."""
    fates: Counter[Fate] = Counter()
    progress(done := total - len(waiting), total)
    with _one_thread_each(), ThreadPoolExecutor(workers or os.cpu_count()) as threads:
        for start in range(0, len(waiting), CHUNK):
            # Leaving the loop early cancels what has not begun: map's iterator sees to it.
            for fate in threads.map(work, waiting[start : start + CHUNK]):
                fates[fate] += 1
                progress(done := done + 1, total)
    return fates


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """OpenCV's own threads would only be in the way of ours."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
