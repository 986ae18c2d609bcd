"""Triplet Distillation for Deep Face Recognition. Feng et al. ICIP 2020. arXiv:1905.04457

    L = mean over triplets of relu( d_S(a,p) − d_S(a,n) + m )
    m = m_min + (m_max − m_min) g(a,p,n) / max g        g(a,p,n) = relu( d_T(a,n) − d_T(a,p) )

a and p show one person, n another. Triplets are those of the whole batch, and so is the maximum. d is the squared
distance of unit embeddings, 2 − 2 cos; or 1 − cos, the "cosine" line of MarginDistillation's tables.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..align.pairs import masked_mean
from ..align.relations import directions, everyone, products, same_identity
from ..errors import UserError
from ..method import AbstractMethod
from ..types import UNLABELLED, Batch, Features, Terms


class TripletDistillation(AbstractMethod):
    """Term ``triplet``; 0 for a batch without two faces of one person. Widths need not agree.

    The paper fine-tunes at a rate of 1e-3 with 180 faces a batch, 18 a person; batches need several faces a person.

    Args:
        margin_min, margin_max: 0.2 and 0.5 in the paper, in units of d.
        distance: d.
        positives: at most so many p for each a, those the teacher finds furthest; 17 are all of the paper's batches.

    Raises:
        UserError: margins not in order, or no positives.
    """

    uses = frozenset({"embedding"})

    def __init__(
        self,
        *,
        margin_min: float = 0.2,
        margin_max: float = 0.5,
        distance: Literal["squared", "cosine"] = "squared",
        positives: int = 17,
    ) -> None:
        super().__init__()
        if not 0 <= margin_min <= margin_max or positives < 1:
            raise UserError(
                f"Triplets need margins that rise from 0 and 1 positive or more; they have {margin_min:g}, "
                f"{margin_max:g} and {positives}."
            )
        self.margin_min, self.margin_max, self.positives = margin_min, margin_max, positives
        self.factor = 2.0 if distance == "squared" else 1.0

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        labels = everyone(batch.labels)
        own_nn, wanted_nn = (self.factor * (1 - products(rows)) for rows in directions(student, teacher))
        p_nk, real_nk = self._positives(wanted_nn, labels)
        triplet_nkn = real_nk[:, :, None] & _negative(labels)[:, None]
        own_nkn, wanted_nkn = (d[:, None] - d.gather(1, p_nk)[:, :, None] for d in (own_nn, wanted_nn))
        gap_nkn = torch.where(triplet_nkn, wanted_nkn.relu(), 0)
        most = gap_nkn.max().clamp_min(torch.finfo(torch.float32).tiny)
        margin_nkn = self.margin_min + (self.margin_max - self.margin_min) * gap_nkn / most
        return {"triplet": masked_mean((margin_nkn - own_nkn).relu(), triplet_nkn)}

    def _positives(
        self, wanted_nn: Float[Tensor, "n n"], labels: Int[Tensor, " n"]
    ) -> tuple[Int[Tensor, "n k"], Bool[Tensor, "n k"]]:
        """The p of each a, and which of them are real."""
        positive_nn = same_identity(labels).fill_diagonal_(False)
        p_nk = torch.where(positive_nn, wanted_nn, -1.0).topk(min(self.positives, len(labels))).indices
        return p_nk, positive_nn.gather(1, p_nk)


def _negative(labels: Int[Tensor, " n"]) -> Bool[Tensor, "n n"]:
    known = labels != UNLABELLED
    return (labels[:, None] != labels) & known[:, None] & known
