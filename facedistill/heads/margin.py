"""What margin softmaxes share: cosines to class centres, a margin on the true one, cross entropy.

    cosθ_ij = <w_j, z_i> / ( ‖w_j‖ ‖z_i‖ )
    L = −(1/N) Σ_i log[ e^{s ψ_i} / ( e^{s ψ_i} + Σ_{j≠y_i} e^{s cosθ_ij} ) ]        ψ_i = ψ(cosθ_i,yi)

A margin softmax is its ψ.
"""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..align.cosines import cosines
from ..types import UNLABELLED
from .contract import AbstractHead


class MarginHead(AbstractHead):
    """Margin softmax over identities, in float32 whatever the autocast."""

    centres: Tensor
    """K D, of any length; only their directions count."""

    def __init__(self, embedding: int, identities: int, *, scale: float) -> None:
        super().__init__()
        self.scale = scale
        # 0.01: insightface's heads; the length has no meaning but sets how far a step turns a centre.
        self.centres = nn.Parameter(torch.empty(identities, embedding).normal_(std=0.01))

    @abstractmethod
    def with_margin(
        self, cos_B: Float[Tensor, " B"], norm_B: Float[Tensor, " B"], labelled_B: Bool[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        """ψ: what stands in for the cosine to the true centre.

        Args:
            cos_B: cosine to the true centre; meaningless for unlabelled samples, whose answer is not read.
            norm_B: length of the embedding.
            labelled_B: which samples have an identity.
        """

    def inherit(self, centres: Float[Tensor, "K D"], *, trained: bool) -> None:
        """Take over given class centres; those that are not trained become a buffer without optimiser state."""
        del self.centres
        if trained:
            self.centres = nn.Parameter(centres.detach().clone().float())
        else:
            self.register_buffer("centres", centres.detach().clone().float())

    def class_centres(self) -> Float[Tensor, "K D"]:
        return self.centres

    def cosines(self, embedding: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
        return cosines(embedding, self.centres)

    def forward(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        with torch.autocast(embedding.device.type, enabled=False):
            logits_BK = self.logits(embedding.float(), labels)
            # Sum over count instead of "mean", which is NaN where no sample is labelled.
            total = F.cross_entropy(logits_BK, labels, ignore_index=UNLABELLED, reduction="sum")
            return total / (labels != UNLABELLED).sum().clamp_min(1)

    def logits(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, "B K"]:
        """s·cosθ, and s·ψ at the true identity."""
        cos_BK = self.cosines(embedding)
        own_B1 = labels.clamp_min(0)[:, None]
        own_B = cos_BK.gather(1, own_B1)[:, 0]
        psi_B = self.with_margin(own_B, embedding.norm(dim=1), labels != UNLABELLED)
        return self.scale * cos_BK.scatter(1, own_B1, psi_B[:, None])
