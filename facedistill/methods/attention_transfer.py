"""Paying More Attention to Attention: Improving the Performance of Convolutional Neural Networks via Attention Transfer
(AT). Zagoruyko, Komodakis. ICLR 2017. arXiv:1612.03928

    q = Σ_channels |F|^p, flattened
    L = Σ_stages (1/N) Σ_i mean over cells of ( q_S / ‖q_S‖ − q_T / ‖q_T‖ )²

F are feature maps. Where the grids differ, the finer q is averaged onto the coarser one's cells, by their places on
the face (``align/grid.py``).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..align.grid import Meet, Pairs, stage_pairs
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class AttentionTransfer(AbstractMethod):
    """Term ``attention``; the paper's β of 1,000 over the number of cells and samples is a weight of 1,000 here.

    Channels and grids may differ.

    Args:
        pairs: stages (student's, teacher's), from 0, or from -1 backwards. All that both have, counted from the
            coarsest, where None: the paper takes every group of layers.
        power: p, the paper's 2.

    Raises:
        UserError: no such stage, no pair, power below 1.
    """

    uses = frozenset({"stages"})

    def __init__(self, student: Spec, teacher: Spec, *, pairs: Pairs | None = None, power: float = 2.0) -> None:
        super().__init__()
        if power < 1:
            raise UserError(f"Attention is a sum of powers of 1 or more; `power` is {power:g}.")
        self.power = power
        self.pairs = stage_pairs(student, teacher, pairs)
        self.meet = nn.ModuleList(Meet(student, own, teacher, its) for own, its in self.pairs)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        gaps = []
        for (own, its), meet in zip(self.pairs, self.meet, strict=True):
            q_S, q_T = meet(self.attention(student.stages[own]), self.attention(teacher.stages[its].detach()))
            gaps.append(F.mse_loss(F.normalize(q_S.flatten(1)), F.normalize(q_T.flatten(1))))
        return {"attention": torch.stack(gaps).sum()}

    def attention(self, stage: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 H W"]:
        """q."""
        return stage.float().abs().pow(self.power).sum(1, keepdim=True)
