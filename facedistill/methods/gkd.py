"""Grouped Knowledge Distillation for Deep Face Recognition. Zhao et al. AAAI 2023. arXiv:2304.04462

    p̃ = softmax( z / T )        b = [ Σ_{c in G} p̃_c , Σ_{c not in G} p̃_c ]
    L_primary = T² KL( p̃_T | G ‖ p̃_S | G )             among the primary group
    L_binary  = T² KL( b_T ‖ b_S )                     primary group against the rest

z: margin logits, s (cosθ − m) at the true identity, s cosθ elsewhere. G: the identities that the *student* finds most
likely, the true one always among them: the fewest that reach a share τ of p̃_S, or a fixed number. Who is secondary
among the rest is not taught; the paper finds that it hurts.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..align.labelled import labelled_mean
from ..align.logits import NEVER, SCALE, ClassLogits, divergence
from ..errors import UserError
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Terms


class GKD(AbstractMethod):
    """Terms ``primary`` and ``binary``, weighted 8 and 1 in the paper, both ramped over the first 10 of 20 epochs.

    Needs a head with a classifier; the paper's is CosFace with m = 0.4 on both sides. Needs labels: G is the true
    identity's, so unlabelled samples are passed over. Taught about strangers, without a margin, students end below
    labels only, and cannot tell strangers apart (docs/results.md).

    Args:
        group: how G ends, by ``coverage`` or by ``size``.
        coverage: τ, 0.93.
        size: |G|, 10,000.
        temperature: T, 4.
        margin, scale: m and s of the logits.

    Raises:
        UserError: coverage not between 0 and 1, or size, scale or temperature not above 0.
    """

    uses = frozenset({"embedding"})
    asks_student = frozenset({"cosines"})

    def __init__(
        self,
        classifier: TeacherClassifier,
        *,
        group: Literal["coverage", "size"] = "coverage",
        coverage: float = 0.93,
        size: int = 10_000,
        temperature: float = 4.0,
        margin: float = 0.4,
        scale: float = SCALE,
    ) -> None:
        super().__init__()
        if not 0 < coverage <= 1 or size < 1:
            raise UserError(f"A primary group needs a coverage of 0 to 1 and a size; it has {coverage:g} and {size}.")
        self.group, self.coverage, self.size, self.temperature = group, coverage, size, temperature
        self.margin = margin * scale / temperature
        self.logits = ClassLogits(classifier, scale=scale, temperature=temperature)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        true_BK = _true(batch.labels, self.logits.centres.shape[0])
        own, wanted = ((logits - self.margin * true_BK).log_softmax(1) for logits in self.logits(student, teacher))
        inside_BK = self.primary(own) | true_BK
        own_b, wanted_b = (_shares(log_p, inside_BK) for log_p in (own, wanted))
        own_g, wanted_g = (log_p.masked_fill(~inside_BK, NEVER).log_softmax(1) for log_p in (own, wanted))
        tempered = self.temperature**2
        return {
            "primary": tempered * labelled_mean(divergence(own_g, wanted_g), batch.labels),
            "binary": tempered * labelled_mean(divergence(own_b, wanted_b), batch.labels),
        }

    @torch.no_grad()
    def primary(self, log_p: Float[Tensor, "B K"]) -> Bool[Tensor, "B K"]:
        """Which identities the student finds most likely."""
        share_BK, order_BK = log_p.exp().sort(dim=1, descending=True)
        if self.group == "size":
            first_BK = (torch.arange(share_BK.shape[1], device=log_p.device) < self.size).expand_as(share_BK)
        else:
            first_BK = share_BK.cumsum(1) - share_BK < self.coverage
        return torch.zeros_like(first_BK).scatter(1, order_BK, first_BK)


def _true(labels: Int[Tensor, " B"], identities: int) -> Bool[Tensor, "B K"]:
    return labels[:, None] == torch.arange(identities, device=labels.device)


def _shares(log_p: Float[Tensor, "B K"], inside: Bool[Tensor, "B K"]) -> Float[Tensor, "B 2"]:
    """log b: of the group, and of the rest."""
    parts = [log_p.masked_fill(~mask, NEVER).logsumexp(1) for mask in (inside, ~inside)]
    return torch.stack(parts, dim=1)
