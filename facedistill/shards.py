"""Tables that grow with the number of identities, shared by rows among the processes (model parallel).

Every process sees the samples of all, against its own rows only. A gradient is always that of the process's own loss:
summed over the processes and divided by their number it is that of one process with the whole batch and the whole
table. ``dist.shared`` divides for everything that is the same in all processes, ``own_gradient`` for the rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from . import dist
from .types import UNLABELLED


@dataclass(frozen=True)
class Share:
    """Which rows of a table this process holds."""

    counts: tuple[int, ...]
    """Rows of every process, by rank; one number where each process holds all of them."""
    first: int
    last: int
    """One behind the last, as numbers in the whole table."""

    @property
    def whole(self) -> bool:
        return len(self.counts) == 1

    @property
    def rows(self) -> int:
        """Of the whole table."""
        return sum(self.counts)

    def of(self, table: Shaped[Tensor, "K ..."]) -> Shaped[Tensor, "k ..."]:
        """This process's rows of a whole table."""
        return table[self.first : self.last]

    def here(self, numbers: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Numbers of rows in the whole table as numbers among this process's, ``UNLABELLED`` for those of others."""
        if self.whole:
            return numbers
        mine = (numbers >= self.first) & (numbers < self.last)
        return torch.where(mine, numbers - self.first, UNLABELLED)


def share_of(rows: int) -> Share:
    """This process's share of a table, in equal parts but for the last; all of it where some would get none."""
    each = -(-rows // dist.world())
    counts = tuple(min(each, rows - rank * each) for rank in range(dist.world()))
    if min(counts) <= 0:
        return Share((rows,), 0, rows)
    first = dist.rank() * each
    return Share(counts, first, first + counts[dist.rank()])


class Sharded(nn.Module, ABC):
    """A module that holds, of some of its tensors, this process's rows only."""

    @abstractmethod
    def shares(self) -> Mapping[str, Share]:
        """Which rows, by the tensor's name."""


def shares_in(module: nn.Module) -> dict[str, Share]:
    """The tensors within ``module`` that no process holds all of."""
    return {
        f"{prefix}.{name}" if prefix else name: share
        for prefix, part in module.named_modules()
        if isinstance(part, Sharded)
        for name, share in part.shares().items()
        if not share.whole
    }


def everyones(rows: Shaped[Tensor, "B ..."], share: Share) -> Shaped[Tensor, "n ..."]:
    """What this process's rows of the table are compared with: the samples of all processes."""
    return rows if share.whole else dist.gather(rows)


def own_gradient(rows: Float[Tensor, "k D"], share: Share) -> Float[Tensor, "k D"]:
    """The rows themselves; their gradient is divided by the number of processes, which all have added to it."""
    if share.whole:
        return rows
    same: Tensor = _Divided.apply(rows)
    return same


class _Divided(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return rows.view_as(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] / dist.world()


def cross_entropy(
    logits: Float[Tensor, "n k"], own: Int[Tensor, " n"], labels: Int[Tensor, " n"], share: Share
) -> Float[Tensor, ""]:
    """Sum over the labelled samples of −log softmax at the true class, over the classes of all processes.

        log Σ_j e^{x_j} = log Σ_r e^{ log Σ_{j in r} e^{x_j} }          r: processes

    Args:
        own: column of the true class, ``UNLABELLED`` where another process has it.
        labels: which samples are labelled at all.
    """
    if share.whole:
        return F.cross_entropy(logits, own, ignore_index=UNLABELLED, reduction="sum")
    here = (own != UNLABELLED).nonzero()[:, 0]
    true = logits.new_zeros(len(logits)).index_put((here,), logits[here, own[here]])  # there may be no column at all
    parts = torch.stack([logits.logsumexp(1), true])
    sums_rn, true_rn = dist.gather(parts[None]).unbind(1)
    return torch.where(labels != UNLABELLED, sums_rn.logsumexp(0) - true_rn.sum(0), 0.0).sum()


def columns(own: Float[Tensor, "n k"], share: Share) -> Float[Tensor, "B K"]:
    """This process's samples against the whole table, from all samples against its own rows."""
    if share.whole:
        return own
    crossed: Tensor = _Crossed.apply(own, share)
    return crossed


class _Crossed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, share: Share) -> Tensor:
        ctx.share, world, batch = share, dist.world(), len(own) // dist.world()
        turns = [own[rank::world] for rank in range(world)]
        return torch.cat(dist.exchange(turns, [(batch, count) for count in share.counts]), dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        counts, batch = ctx.share.counts, len(gradients[0])
        own = [(batch, counts[dist.rank()])] * dist.world()
        return dist.in_turns(dist.exchange(gradients[0].split(counts, dim=1), own)), None


@torch.no_grad()
def whole(rows: Shaped[Tensor, "k ..."], share: Share) -> Shaped[Tensor, "K ..."]:
    """The whole table, in every process; every process must call it."""
    if share.whole:
        return rows
    missing = share.counts[0] - len(rows)
    padded = torch.cat([rows.detach(), rows.new_zeros(missing, *rows.shape[1:])])
    parts = dist.all_gather(padded)
    return torch.cat([part[:count] for part, count in zip(parts, share.counts, strict=True)])
