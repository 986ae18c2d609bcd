"""Unified Knowledge Distillation Framework: Fine-Grained Alignment and Geometric Relationship Preservation for Deep
Face Recognition. Mishra, Uikey. IJCB 2025. arXiv:2508.11376

    L_instance = mean over the hardest samples of 1 − cos( z_S , z_T )                                     (ILED)
    L_pairwise = mean over the hardest pairs of ( cos( z_S,i , z_S,j ) − cos( z_T,i , z_T,j ) )²           (RPSD)

Hardest: where the two networks differ most. Pairs are those of the whole batch, and of the batch with a memory of
earlier ones. The paper's exact form is not known to us; shares and size are this project's.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ..align.cosines import row_cosines
from ..align.memory import Queue
from ..align.project import bridge
from ..align.relations import directions, everyone, products
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class UnifiedKD(AbstractMethod):
    """Terms ``instance`` and ``pairwise``; every sample counts, labelled or not.

    Args:
        hard_samples, hard_pairs: which share of them counts.
        memory: embeddings kept from earlier batches.

    Raises:
        UserError: a share that is not above 0 and at most 1, or no memory.
    """

    uses = frozenset({"embedding"})

    def __init__(
        self,
        student: Spec,
        teacher: Spec,
        *,
        hard_samples: float = 0.5,
        hard_pairs: float = 0.1,
        memory: int = 1024,
    ) -> None:
        super().__init__()
        if not (0 < hard_samples <= 1 and 0 < hard_pairs <= 1) or memory < 1:
            raise UserError("Unified KD needs shares above 0 and up to 1, and a memory of 1 or more.")
        self.hard_samples, self.hard_pairs, self.width = hard_samples, hard_pairs, student.embedding
        self.projector = bridge(student.embedding, teacher.embedding)
        self.memory = Queue(memory, student.embedding + teacher.embedding)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        gap_n = everyone(1 - row_cosines(self.projector(student.embedding), teacher.embedding.detach()))
        hard = gap_n.topk(_count(self.hard_samples, len(gap_n))).values
        return {"instance": hard.mean(), "pairwise": self._pairwise(student, teacher)}

    def _pairwise(self, student: Features, teacher: Features) -> Float[Tensor, ""]:
        own, wanted = directions(student, teacher)
        n = len(own)
        old_own, old_wanted = self.memory.rows.split([self.width, self.memory.rows.shape[1] - self.width], dim=1)
        gap = products(own, torch.cat([own, old_own])) - products(wanted, torch.cat([wanted, old_wanted]))
        later = torch.ones(n, n, dtype=torch.bool, device=own.device).triu(1)
        counts = torch.cat([later, self.memory.filled.expand(n, -1)], dim=1).flatten()
        squared = torch.where(counts, gap.flatten().square(), -1.0)
        hard = squared.topk(_count(self.hard_pairs, len(squared))).values
        rank = torch.arange(len(hard), device=hard.device)
        # The share is of the pairs there are, which the memory's first fillings change; at least one.
        kept = (hard >= 0) & (rank < (self.hard_pairs * counts.sum()).round().clamp_min(1))
        if self.training:
            self.memory.push(torch.cat([own, wanted], dim=1))
        return torch.where(kept, hard, 0.0).sum() / kept.sum().clamp_min(1)


def _count(share: float, of: int) -> int:
    return max(1, round(share * of))
