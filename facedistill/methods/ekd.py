"""EKD: Evaluation-oriented Knowledge Distillation for Deep Face Recognition. Huang et al. CVPR 2022. arXiv:2206.02325

    R(s) = Σ_k σ( (s − τ_k) / ω )                      soft rank of a cosine among the negatives, by thresholds
    τ_k  = the (n/10^k)-th largest of the n negative cosines of a batch, averaged over batches,
           the false positive rate 10^-k at which faces are evaluated; the student and the teacher have their own
    L_positive = mean over positive pairs of ( R_S(s_S) − R_T(s_T) )²
    L_negative = the same over the student's hardest negative pairs

Pairs are those of the whole batch. A batch with fewer than 10^k negatives has no such threshold: the first one beyond
its reach is the largest cosine, and the next ones wait. 1,414 faces are needed for 10^6 pairs. The authors' code takes
the next cosine for τ, averages from 0, and lets no threshold wait.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..align.pairs import masked_mean, pairs_of
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Terms


class EKD(AbstractMethod):
    """Terms ``positive`` and ``negative``, which the authors' code weighs 0.02 and 0.01 beside ArcFace.

    Half of the authors' batch is drawn four faces a person: without that there are hardly any positive pairs.

    Args:
        thresholds: how many τ; 6.
        temperature: ω of the soft rank; 0.01.
        hardest: negative pairs that count; 2,000.
        momentum: share of a batch in τ; 0.01.

    Raises:
        UserError: one of them is not above 0.
    """

    uses = frozenset({"embedding"})
    tau: Tensor
    """2 k: the student's and the teacher's thresholds."""
    known: Tensor
    """k: which have been seen."""

    def __init__(
        self, *, thresholds: int = 6, temperature: float = 0.01, hardest: int = 2000, momentum: float = 0.01
    ) -> None:
        super().__init__()
        if min(thresholds, temperature, hardest, momentum) <= 0:
            raise UserError("EKD needs thresholds, temperature, hardest and momentum above 0.")
        self.temperature, self.hardest, self.momentum = temperature, hardest, momentum
        self.register_buffer("tau", torch.zeros(2, thresholds))
        self.register_buffer("known", torch.zeros(thresholds, dtype=torch.bool))

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        pairs = pairs_of(student, teacher, batch.labels)
        if self.training:
            self._observe(torch.stack([pairs.own, pairs.wanted]).detach(), pairs.negative)
        gap_P = (self._rank(pairs.own, self.tau[0]) - self._rank(pairs.wanted, self.tau[1])).square()
        reach_P = torch.where(pairs.negative, pairs.own.detach(), -torch.inf)
        hardest = reach_P.topk(min(self.hardest, len(reach_P))).indices
        return {
            "positive": masked_mean(gap_P, pairs.positive),
            "negative": masked_mean(gap_P[hardest], pairs.negative[hardest]),
        }

    def _rank(self, cosine_P: Float[Tensor, " P"], tau_k: Float[Tensor, " k"]) -> Float[Tensor, " P"]:
        soft_Pk = ((cosine_P[:, None] - tau_k) / self.temperature).sigmoid()
        return (soft_Pk * self.known).sum(1)

    @torch.no_grad()
    def _observe(self, cosines_2P: Float[Tensor, "2 P"], negative_P: Bool[Tensor, " P"]) -> None:
        """Move τ towards the batch's; the first batch sets it."""
        count = negative_P.sum()
        tenths_k = 10 ** torch.arange(1, len(self.known) + 1, device=count.device)
        reached_k = count >= tenths_k // 10
        place_k = ((count // tenths_k).clamp_min(1) - 1).clamp_max(len(negative_P) - 1)
        sorted_2P = torch.where(negative_P, cosines_2P, -2.0).sort(descending=True).values
        found_2k = sorted_2P[:, place_k]
        moved_2k = torch.where(self.known, self.tau.lerp(found_2k, self.momentum), found_2k)
        self.tau.copy_(torch.where(reached_k & (count > 0), moved_2k, self.tau))
        self.known |= reached_k & (count > 0)
