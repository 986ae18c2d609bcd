"""Similarity-Preserving Knowledge Distillation (SP). Tung, Mori. ICCV 2019. arXiv:1907.09682

    G̃ = Q Q^T, Q: a feature map of the whole batch as n rows      G = G̃ with rows of length 1
    L = Σ_pairs (1/n²) ‖ G_T − G_S ‖_F²

Two images that the teacher answers alike are to be answered alike.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ..align.grid import Pairs, stage_pairs
from ..align.relations import everyone, products, unit
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class SimilarityPreserving(AbstractMethod):
    """Term ``similarity``; the paper's weight is 3,000.

    Channels and grids may differ: only n n tables are compared. The maps of all processes are gathered.

    Args:
        pairs: stages (student's, teacher's), from 0, or from -1 backwards; the paper takes the last. All that both
            have, counted from the coarsest, where None.

    Raises:
        UserError: no such stage, or no pair.
    """

    uses = frozenset({"stages"})

    def __init__(self, student: Spec, teacher: Spec, *, pairs: Pairs | None = ((-1, -1),)) -> None:
        super().__init__()
        self.pairs = stage_pairs(student, teacher, pairs)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        gaps = [
            similarities(student.stages[own]) - similarities(teacher.stages[its].detach()) for own, its in self.pairs
        ]
        return {"similarity": torch.stack([gap.square().mean() for gap in gaps]).sum()}


def similarities(stage: Float[Tensor, "B C H W"]) -> Float[Tensor, "n n"]:
    """G."""
    return unit(products(everyone(stage.flatten(1))))
