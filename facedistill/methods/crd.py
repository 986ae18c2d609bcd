"""Contrastive Representation Distillation (CRD). Tian, Krishnan, Isola. ICLR 2020. arXiv:1910.10699

    s_ij = < g_S(i) , g_T(j) > / τ         g: a linear map of the embedding, then length 1
    h_ij = e^s_ij / ( e^s_ij + N_i c )     probability that i and j are one sample rather than one of N_i negatives
    L_S  = −(1/n) Σ_i [ log h_ii + Σ_{j negative} log( 1 − h_ij ) ]
    L    = L_S + L_T                       L_T: the same with the teacher's side asking, the student's answering

Negatives are the other samples of the whole batch and of a bank of earlier ones (``align/bank.py``), but not the same
sample in another view, nor, where labels are known, the same person. c, the paper's normalising constant, is the mean
of e^s over the negatives of the first training batch; public code counts the positives in, and takes them, too, from
its memory, which has a running mean of every training sample.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..align.bank import SampleBank
from ..align.relations import everyone, products, unit
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms

NOT_YET = math.inf
"""Logarithm of c before the first training batch."""


class CRD(AbstractMethod):
    """Term ``contrast``; the authors weight it by 0.8.

    The bank is saved with the run: 2 ``bank`` ``width`` numbers, 16 MB by default.

    Args:
        width: of g, the paper's 128.
        temperature: τ; 0.07 in the authors' code.
        bank: earlier samples that are remembered; the paper's 16,384 negatives. 0: those of the batch only.

    Raises:
        UserError: temperature not above 0, bank below 0.
    """

    uses = frozenset({"embedding"})
    log_constants: Tensor

    def __init__(
        self, student: Spec, teacher: Spec, *, width: int = 128, temperature: float = 0.07, bank: int = 16_384
    ) -> None:
        super().__init__()
        if temperature <= 0 or bank < 0:
            raise UserError(f"CRD needs a temperature above 0 and a bank of 0 or more; it got {temperature:g}, {bank}.")
        self.temperature = temperature
        self.own, self.wanted = nn.Linear(student.embedding, width), nn.Linear(teacher.embedding, width)
        self.bank = SampleBank(bank, width)
        self.register_buffer("log_constants", torch.full((2,), NOT_YET))

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own = everyone(unit(self.own(student.embedding)))
        wanted = everyone(unit(self.wanted(teacher.embedding.detach())))
        index, labels = everyone(batch.index), everyone(batch.labels)
        negative = self.bank.others(index, labels)
        # Copies of the bank, since the bank itself changes before the way back.
        answers = torch.cat([wanted, self.bank.wanted]), torch.cat([own, self.bank.own])
        scores = [products(*sides) / self.temperature for sides in zip((own, wanted), answers, strict=True)]
        constants = self._log_constants(scores, negative)
        if self.training:
            self.log_constants.copy_(constants)
            self.bank.remember(own, wanted, index, labels)
        losses = [contrast(s, negative, log_c) for s, log_c in zip(scores, constants, strict=True)]
        return {"contrast": torch.stack(losses).sum()}

    @torch.no_grad()
    def _log_constants(self, scores: list[Tensor], negative: Tensor) -> Tensor:
        """log c of both sides: as found at the first training batch, until then as it is now."""
        sums = [s.masked_fill(~negative, -math.inf).flatten().logsumexp(0) for s in scores]
        now = torch.stack(sums) - negative.sum().clamp_min(1).log()
        return torch.where(self.log_constants.isfinite(), self.log_constants, now)


def contrast(
    scores: Float[Tensor, "n m"], negative: Bool[Tensor, "n m"], log_constant: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """L_S from s; the first n columns are the samples themselves. log h and log(1 − h) are softplus functions of s."""
    prior = log_constant + negative.sum(1, keepdim=True).clamp_min(1).log()
    positive = F.softplus(prior[:, 0] - scores.diagonal())
    return (positive + F.softplus(scores - prior).masked_fill(~negative, 0).sum(1)).mean()
