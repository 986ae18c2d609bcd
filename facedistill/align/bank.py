"""A memory of what both networks said of earlier samples: negatives beyond the batch."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..types import UNLABELLED
from .relations import same_identity

EMPTY = -1
"""Index of a place that no sample has taken yet."""


class SampleBank(nn.Module):
    """The last ``size`` samples of training, oldest first out; the same in every process, and saved with the run.

    A queue rather than a row for every sample of the data set: its size does not grow with the data, unlabelled and
    mixed sets need no count, and what it holds is never older than ``size`` samples.
    """

    own: Tensor
    wanted: Tensor
    index: Tensor
    labels: Tensor
    written: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("own", torch.zeros(size, width))
        self.register_buffer("wanted", torch.zeros(size, width))
        self.register_buffer("index", torch.full((size,), EMPTY))
        self.register_buffer("labels", torch.full((size,), UNLABELLED))
        self.register_buffer("written", torch.tensor(0))

    def others(self, index: Int[Tensor, " n"], labels: Int[Tensor, " n"]) -> Bool[Tensor, "n m"]:
        """Which of the n samples themselves, then of the bank, are not the same sample or known to be the same person.

        m = n + size.
        """
        everybody = torch.cat([index, self.index])
        taken = everybody != EMPTY
        return taken & (index[:, None] != everybody) & ~same_identity(labels, torch.cat([labels, self.labels]))

    @torch.no_grad()
    def remember(
        self,
        own: Float[Tensor, "n d"],
        wanted: Float[Tensor, "n d"],
        index: Int[Tensor, " n"],
        labels: Int[Tensor, " n"],
    ) -> None:
        """Take in a batch of all processes, in place of the oldest."""
        size = len(self.index)
        last = min(size, len(index))
        if last == 0:
            return
        places = (self.written + torch.arange(last, device=index.device)) % size
        for kept, new in ((self.own, own), (self.wanted, wanted), (self.index, index), (self.labels, labels)):
            kept.index_copy_(0, places, new[-last:].to(kept.dtype))
        self.written.copy_((self.written + last) % size)
