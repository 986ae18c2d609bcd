"""What processes tell each other: rows of the whole batch, sums, flags."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor

from .group import rank, world


def mean(value: Tensor) -> Tensor:
    """Mean of a detached tensor over processes."""
    return value if world() == 1 else all_sum(value) / world()


def gather(rows: Shaped[Tensor, "B ..."]) -> Shaped[Tensor, "B_world ..."]:
    """The rows of all processes in the order of the whole batch, which gives them to the processes in turn.

    Every process must hold equally many.

    Every process then computes the loss of the whole batch. The gradient of a row is summed over the processes, and
    ``shared`` averages the weights' gradients: together that is the gradient of one process with the whole batch.
    """
    if world() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return in_turns(all_gather(rows))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return all_sum(gradients[0])[rank() :: world()]


def in_turns(parts: Sequence[Shaped[Tensor, "B ..."]]) -> Shaped[Tensor, "B_world ..."]:
    """A row of every part, then another one of every part, and so on."""
    return torch.stack(list(parts), dim=1).flatten(0, 1)


def stacked(value: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "world *shape"]:
    """A small tensor of every process, on the CPU."""
    if world() == 1:
        return value.cpu()[None]
    return torch.stack(all_gather(value.to(_wire()))).cpu()


def anyone(*flags: bool) -> list[bool]:
    """Each flag, true where it is so in any process."""
    if world() == 1:
        return list(flags)
    return [count > 0 for count in all_sum(torch.tensor(flags, dtype=torch.int64, device=_wire())).tolist()]


def wait_for_all() -> None:
    """Return when every process has come here."""
    anyone(False)


def _wire() -> torch.device:
    """Where tensors must be to travel."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


def all_gather(rows: Tensor) -> list[Tensor]:
    """A detached tensor of every process, by rank."""
    everyone = [torch.empty_like(rows) for _ in range(world())]
    dist.all_gather(everyone, rows.contiguous())
    return everyone


def all_sum(value: Tensor) -> Tensor:
    """Sum of a detached tensor over processes."""
    total = value.contiguous().clone()
    dist.all_reduce(total)
    return total


def exchange(pieces: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """What each process has for this one, of the ``shapes`` given, for the piece that this one has for each."""
    sent = torch.cat([piece.reshape(-1) for piece in pieces])
    counts = [prod(shape) for shape in shapes]
    received = sent.new_empty(sum(counts))
    dist.all_to_all_single(received, sent, counts, [piece.numel() for piece in pieces])
    return [part.reshape(shape) for part, shape in zip(received.split(counts), shapes, strict=True)]
