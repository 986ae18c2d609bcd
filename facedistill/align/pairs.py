"""Every pair of samples of the whole batch once, with its cosine for student and teacher."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..types import UNLABELLED, Features
from .relations import directions, everyone, products


class SamplePairs(NamedTuple):
    """P = n (n − 1) / 2 pairs of n samples, whichever processes hold them."""

    own: Float[Tensor, " P"]
    """Cosines of the student's embeddings."""
    wanted: Float[Tensor, " P"]
    """Those of the teacher's, without gradient."""
    positive: Bool[Tensor, " P"]
    """Known to show one person."""
    negative: Bool[Tensor, " P"]
    """Known to show two; with an unlabelled sample a pair is neither."""


def pairs_of(student: Features, teacher: Features, labels: Int[Tensor, " B"]) -> SamplePairs:
    """The pairs of the whole batch, in one order in every process."""
    whole, (own, wanted) = everyone(labels), directions(student, teacher)
    first, second = torch.triu_indices(len(whole), len(whole), 1, device=whole.device)
    known = (whole[first] != UNLABELLED) & (whole[second] != UNLABELLED)
    same = whole[first] == whole[second]
    own_P, wanted_P = (products(unit)[first, second] for unit in (own, wanted))
    return SamplePairs(own_P, wanted_P, known & same, known & ~same)


def masked_mean(values: Float[Tensor, "*_"], mask: Bool[Tensor, "*_"]) -> Float[Tensor, ""]:
    """Mean of the values that count, 0 where none do; the others may be anything."""
    total = torch.where(mask, values, values.new_zeros(())).sum()
    return total / mask.sum().clamp_min(1)
