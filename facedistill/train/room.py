"""Whether the disk has room for a run, asked before it begins."""

import shutil
from pathlib import Path

from ..errors import UserError
from .checkpoint import KEPT
from .parts import Tables
from .state import Learners, tensors_of

SLOTS = 2
"""Values an optimiser keeps for every weight at most: AdamW's two means."""


def checkpoint_bytes(learners: Learners) -> int:
    """Size of a checkpoint of all processes, at most."""
    tables = Tables(learners.objective, learners.optimiser)
    held = sum(tables.whole_bytes(f"objective.{name}", each) for name, each in tensors_of(learners.objective).items())
    averaged = 0 if learners.averaged is None else sum(each.nbytes for each in tensors_of(learners.averaged).values())
    trained = enumerate(learners.trained)
    return held + averaged + SLOTS * sum(tables.whole_bytes(f"optimiser.{number}", each) for number, each in trained)


def check_room(folder: Path, learners: Learners) -> None:
    """Refuse a disk that would be full before the run's end.

    Args:
        folder: of the run; it need not exist.

    Raises:
        UserError: says how much is missing.
    """
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    written = sum(file.stat().st_size for file in (folder / "checkpoints").rglob("*") if file.is_file())
    one, free = checkpoint_bytes(learners), shutil.disk_usage(there).free
    needed = (KEPT + 1) * one - written
    if needed > free:
        raise UserError(
            f"{there} has {free / 1e9:.3f} GB left, and checkpoints need {needed / 1e9:.3f} GB: {KEPT} of "
            f"{one / 1e9:.3f} GB are kept while the next is written; make room, or choose another out=."
        )
