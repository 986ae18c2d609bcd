"""ShrinkTeaNet: Million-scale Lightweight Face Recognition via Shrinking Teacher-Student Networks. Duong et al. 2019.
arXiv:1905.10620

    L_embedding    = (1/N) Σ_i ( 1 − cos( z_S,i , z_T,i ) )²
    L_intermediate = mean over stage pairs, samples and cells of ( 1 − cos( P f_S , f_T ) )²

P: linear from the student's channels to the teacher's. Both stages are laid on the coarser of their two grids and
compared cell by cell, which is this project's reading. Without the square, and for the embedding alone, it is
``cosine``.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..align.cosines import row_cosines
from ..align.grid import Meet, Pairs, stage_pairs
from ..align.project import bridge, channel_bridge
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class ShrinkTeaNet(AbstractMethod):
    """Terms ``embedding`` and ``intermediate``; the paper's weights are recipe values, 1 in face comparisons.

    Args:
        pairs: stages (student's, teacher's), from 0, or from -1 backwards. All that both have, counted from the
            coarsest, where None.

    Raises:
        UserError: no such stage.
    """

    uses = frozenset({"embedding", "stages"})

    def __init__(self, student: Spec, teacher: Spec, *, pairs: Pairs | None = None) -> None:
        super().__init__()
        self.projector = bridge(student.embedding, teacher.embedding)
        self.pairs = stage_pairs(student, teacher, pairs)
        self.gaps = nn.ModuleList(_Gap(student, own, teacher, its) for own, its in self.pairs)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = self.projector(student.embedding), teacher.embedding.detach()
        gaps = [
            gap(student.stages[own], teacher.stages[its].detach())
            for gap, (own, its) in zip(self.gaps, self.pairs, strict=True)
        ]
        return {"embedding": _angular(own, wanted), "intermediate": torch.stack(gaps).mean()}


class _Gap(nn.Module):
    """Two stages on one grid and of one width, compared cell by cell."""

    def __init__(self, student: Spec, own: int, teacher: Spec, its: int) -> None:
        super().__init__()
        self.meet = Meet(student, own, teacher, its)
        self.projector = channel_bridge(student.stages[own].channels, teacher.stages[its].channels)

    def forward(self, own: Float[Tensor, "B C H W"], its: Float[Tensor, "B E h w"]) -> Float[Tensor, ""]:
        own, its = self.meet(own, its)
        return _angular(self.projector(own), its)


def _angular(own: Float[Tensor, "B D *grid"], wanted: Float[Tensor, "B D *grid"]) -> Float[Tensor, ""]:
    return (1 - row_cosines(own, wanted)).square().mean()
