"""Writes the store that was planned, and goes on with one that was begun."""

import shutil
from collections.abc import Callable, Sequence
from itertools import groupby, islice
from pathlib import Path

from torch import Tensor

from ..backbones.load import write_tensors
from ..errors import UserError
from ..types import Features
from .header import EMBEDDING, Header, stage_name
from .layout import CENTRES, Block
from .plan import Asking, Plan, in_batches
from .writer import Writer, check_free, unfinished

SPARE = 1.02
"""Of the store's size that must be free: headers, checksums, and what a file system needs itself."""


def build_store(plan: Plan, out: Path, progress: Callable[[int], object] = lambda done: None) -> None:
    """Write the store, or go on with the one that was begun.

    Args:
        progress: told how many answers are written.

    Raises:
        UserError: a place that is taken, no room, or an answer that cannot be kept.
    """
    check_room(plan.header, out)
    writer = Writer(out, plan.header)
    progress(sum(each.block.stop - each.block.start for each in writer.written))
    for _, group in groupby(writer.left, key=lambda block: block.picture):
        _write(writer, plan.asking, list(group), plan.header.layout.samples, progress)
    writer.finish(lambda folder: _keep_centres(plan, folder))


def _write(
    writer: Writer, asking: Asking, blocks: Sequence[Block], samples: int, progress: Callable[[int], object]
) -> None:
    """Blocks of one picture: one pass of the loader's workers."""
    batches = [in_batches(block.start, block.stop) for block in blocks]
    answers = asking.answers(blocks[0].picture, [batch for each in batches for batch in each])
    for block, its in zip(blocks, batches, strict=True):
        writer.write(block, (named(seen) for seen in islice(answers, len(its))))
        progress(block.picture * samples + block.stop)


def named(seen: Features) -> dict[str, Tensor]:
    """A teacher's answers by the names that a store gives them."""
    return {EMBEDDING: seen.embedding, **{stage_name(at): stage for at, stage in enumerate(seen.stages)}}


def check_room(header: Header, out: Path) -> None:
    """Refuse a disk that has not room enough, and a place that is taken.

    Raises:
        UserError: says how much is missing.
    """
    check_free(out)
    there = next(folder for folder in out.absolute().parents if folder.exists())
    begun = sum(file.stat().st_size for file in unfinished(out).rglob("*") if file.is_file())
    needed, free = header.layout.total_bytes * SPARE - begun, shutil.disk_usage(there).free
    if needed > free:
        raise UserError(
            f"The store needs {needed / 1e9:.1f} GB and {there} has {free / 1e9:.1f} GB left; make room, hold less "
            "(--hold), take --dtype int8, or fewer epochs (training.epochs=N)."
        )


def _keep_centres(plan: Plan, folder: Path) -> None:
    if plan.centres:
        write_tensors(plan.centres, folder / CENTRES, {})
