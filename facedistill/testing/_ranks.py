"""Several processes played by threads: what a method does with a batch that is spread over two of them.

Only ``facedistill.dist`` knows of processes, so only it has to be told. Threads exchange rows through a shared list
between two barriers.
"""

import threading
from collections.abc import Callable, Iterator
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


def _as(rank: int, number: threading.local, work: Callable[[int], T]) -> T:
    number.rank = rank
    return work(rank)


@contextmanager
def _playing(world: int) -> Iterator[threading.local]:
    number, barrier = threading.local(), threading.Barrier(world, timeout=PATIENCE_S)
    shown: list[Tensor | None] = [None] * world

    def all_gather(rows: Tensor) -> list[Tensor]:
        shown[number.rank] = rows.detach()
        barrier.wait()
        seen = [tensor.clone() for tensor in shown if tensor is not None]
        barrier.wait()
        return seen

    stand_ins = {
        "rank": lambda: number.rank,
        "world": lambda: world,
        "all_gather": all_gather,
        "all_sum": lambda rows: torch.stack(all_gather(rows)).sum(0),
    }
    with ExitStack() as patched:
        for name, stand_in in stand_ins.items():
            patched.enter_context(patch.object(dist, name, stand_in))
        yield number
