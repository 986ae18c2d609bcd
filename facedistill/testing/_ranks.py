"""Several processes played by threads: what a part does with a batch that is spread over two of them.

Only ``facedistill.dist`` knows of processes, so only it has to be told. Threads exchange rows through a shared list
between two barriers.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar
from unittest.mock import patch

import torch
from torch import Tensor

from .. import dist

T = TypeVar("T")
PATIENCE_S = 60.0
"""After this a rank that waits for the other gives up: one of them did not gather."""


def as_ranks(work: Callable[[int], T], world: int = 2) -> list[T]:
    """What ``work(rank)`` gives in each of ``world`` processes that train together.

    Raises:
        threading.BrokenBarrierError: one gathers where another does not.
    """
    with _playing(world) as number, ThreadPoolExecutor(world) as threads:
        return list(threads.map(lambda rank: _as(rank, number, work), range(world)))


def in_turn(work: Callable[[int], T], world: int = 2) -> list[T]:
    """The same one after another, for work that tells the others nothing and draws random numbers, which all share."""
    with _playing(world) as number:
        return [_as(rank, number, work) for rank in range(world)]


def _as(rank: int, number: threading.local, work: Callable[[int], T]) -> T:
    number.rank = rank
    return work(rank)


@contextmanager
def _playing(world: int) -> Iterator[threading.local]:
    number, barrier = threading.local(), threading.Barrier(world, timeout=PATIENCE_S)
    shown: list[list[Tensor]] = [[] for _ in range(world)]

    def everyones(pieces: Sequence[Tensor]) -> list[list[Tensor]]:
        shown[number.rank] = [piece.detach() for piece in pieces]
        barrier.wait()
        seen = [[piece.clone() for piece in each] for each in shown]
        barrier.wait()
        return seen

    def all_gather(rows: Tensor) -> list[Tensor]:
        return [each[0] for each in everyones([rows])]

    def exchange(pieces: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
        return [each[number.rank].reshape(shape) for each, shape in zip(everyones(pieces), shapes, strict=True)]

    stand_ins = {
        "rank": lambda: number.rank,
        "world": lambda: world,
        "all_gather": all_gather,
        "all_sum": lambda rows: torch.stack(all_gather(rows)).sum(0),
        "exchange": exchange,
    }
    with ExitStack() as patched:
        for name, stand_in in stand_ins.items():
            patched.enter_context(patch.object(dist, name, stand_in))
        yield number
