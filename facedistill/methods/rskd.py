"""RSKD: Relational Subsets Knowledge Distillation for Long-tailed Retinal Diseases Recognition. Ju et al. MICCAI 2021.
arXiv:2104.11057

    L   = Σ_k ω_k T² (1/N) Σ_i KL( softmax( z_T,i[C_k] / T ) ‖ softmax( z_S,i[C_k] / T ) )
    ω_k = clip_[0,1]( ( acc_T,k − acc_S,k ) / ( (1 − a) acc_T,k ) )

C_k: the identities of subset k. z_T[C_k]: the logits of the specialist that was trained on them alone
(``teachers/specialists.py``); z_S[C_k]: the student's over the same. acc_k: how often each finds the right identity
among C_k, over the batches so far, so that a specialist falls silent as the student catches up. The paper's ω is not
known to us; this one, T and a are this project's.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..align.labelled import labelled_mean
from ..align.logits import NEVER, SCALE, divergence
from ..align.relations import everyone, products
from ..errors import UserError
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import UNLABELLED, Batch, Features, Terms


class RSKD(AbstractMethod):
    """Term ``probabilities``, beside the margin loss. Needs the teacher ``specialists`` and a head with a classifier.

    Args:
        samples: whom a specialist teaches: ``all``, labelled or not, or its ``own`` people.
        maturity: a; a specialist's weight falls from where the student has this share of its accuracy.
        momentum: share of a batch in the accuracies.
        temperature: T.
        scale: s of the logits.

    Raises:
        UserError: another teacher, or a number out of its range.
    """

    uses = frozenset({"embedding"})
    asks_student = frozenset({"cosines"})
    centres: Tensor
    subsets: Tensor
    """K: the subset of each identity."""
    accuracy: Tensor
    """2 n: the student's and the specialists', in each subset."""
    known: Tensor
    """n: which have been seen."""

    def __init__(
        self,
        classifier: TeacherClassifier,
        *,
        samples: Literal["all", "own"] = "all",
        maturity: float = 0.8,
        momentum: float = 0.01,
        temperature: float = 4.0,
        scale: float = SCALE,
    ) -> None:
        super().__init__()
        if min(momentum, temperature, scale) <= 0 or not 0 <= maturity < 1:
            raise UserError("RSKD needs momentum, temperature and scale above 0, and a maturity from 0 to below 1.")
        if classifier.subsets is None:
            raise UserError(
                "RSKD learns from specialists and their classifiers; give it teacher 'specialists', of run folders "
                "with head.safetensors."
            )
        self.samples, self.maturity, self.momentum = samples, maturity, momentum
        self.temperature, self.sharpness = temperature, scale / temperature
        count = int(classifier.subsets.max()) + 1
        self.register_buffer("centres", classifier.from_head().float())
        self.register_buffer("subsets", classifier.subsets)
        self.register_buffer("accuracy", torch.zeros(2, count))
        self.register_buffer("known", torch.zeros(count, dtype=torch.bool))

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own = self.sharpness * student.extras["cosines"].float()
        wanted = self.sharpness * products(teacher.embedding.detach(), self.centres)
        weights = self.weights()
        gaps = [self._gap(own, wanted, batch.labels, subset) for subset in range(len(weights))]
        if self.training:
            self._observe(torch.stack([own, wanted]).detach(), batch.labels)
        return {"probabilities": self.temperature**2 * (weights * torch.stack(gaps)).sum()}

    def weights(self) -> Float[Tensor, " n"]:
        """ω; 1 for a subset that no batch has shown yet."""
        acc_S, acc_T = self.accuracy
        least = torch.finfo(torch.float32).tiny
        omega = ((acc_T - acc_S) / ((1 - self.maturity) * acc_T).clamp_min(least)).clamp(0, 1)
        return torch.where(self.known, omega, 1.0)

    def _gap(
        self, own: Float[Tensor, "B K"], wanted: Float[Tensor, "B K"], labels: Int[Tensor, " B"], subset: int
    ) -> Float[Tensor, ""]:
        outside_K = self.subsets != subset
        log_S, log_T = (logits.masked_fill(outside_K, NEVER).log_softmax(1) for logits in (own, wanted))
        theirs_B = self._belongs(labels)[:, subset]
        taught_B = torch.where(theirs_B, 0, UNLABELLED) if self.samples == "own" else torch.zeros_like(labels)
        return labelled_mean(divergence(log_S, log_T), taught_B)

    def _belongs(self, labels: Int[Tensor, " B"]) -> Bool[Tensor, "B n"]:
        numbers = torch.arange(len(self.known), device=labels.device)
        return (self.subsets[labels.clamp_min(0)][:, None] == numbers) & (labels != UNLABELLED)[:, None]

    @torch.no_grad()
    def _observe(self, logits_2BK: Float[Tensor, "2 B K"], labels: Int[Tensor, " B"]) -> None:
        """Move the accuracies towards the batch's; the first batch sets them."""
        outside_BK = self.subsets != self.subsets[labels.clamp_min(0)][:, None]
        right_B2 = (logits_2BK.masked_fill(outside_BK, NEVER).argmax(2) == labels).float().T
        belongs_nk = self._belongs(everyone(labels)).float()
        count_k = belongs_nk.sum(0)
        found_2k = products(everyone(right_B2).T, belongs_nk.T) / count_k.clamp_min(1)
        moved_2k = torch.where(self.known, self.accuracy.lerp(found_2k, self.momentum), found_2k)
        self.accuracy.copy_(torch.where(count_k > 0, moved_2k, self.accuracy))
        self.known |= count_k > 0
