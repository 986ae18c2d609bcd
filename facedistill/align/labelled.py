"""Means over the samples that have an identity."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import dist
from ..types import UNLABELLED


def labelled_mean(loss_B: Float[Tensor, " B"], labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
    """Mean of ``loss_B`` over the labelled samples of the whole batch, 0 where there are none.

    Processes may hold different numbers of them: each divides by the mean number, so that the average over processes
    is the mean of one process with the whole batch. What ``loss_B`` says of unlabelled samples is not read.
    """
    total = torch.where(labels != UNLABELLED, loss_B, loss_B.new_zeros(())).sum()
    return total / labelled_count(labels)


def labelled_count(labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
    """How many samples are labelled, in the mean over processes; 1 where there are none."""
    count = dist.mean((labels != UNLABELLED).sum().float())
    return torch.where(count > 0, count, torch.ones_like(count))
