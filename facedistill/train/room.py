"""Whether the disk has room for a run, asked before it begins."""

import shutil
from pathlib import Path

from ..errors import UserError
from .checkpoint import KEPT
from .state import Learners, tensors_of

SLOTS = 2
"""Values an optimiser keeps for every weight at most: AdamW's two means."""


def checkpoint_bytes(learners: Learners) -> int:
    """Size of a checkpoint, at most."""
    modules = [learners.objective] if learners.averaged is None else [learners.objective, learners.averaged]
    held = [tensor for module in modules for tensor in tensors_of(module).values()]
    return sum(tensor.nbytes for tensor in held) + SLOTS * sum(weight.nbytes for weight in learners.trained)


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
