"""AdaFace: Quality Adaptive Margin for Face Recognition. Kim, Jain, Liu. CVPR 2022. arXiv:2204.00964

    q = clip( h (‖z‖ − μ) / (σ + 1e-3), −1, 1 )        μ, σ: running mean and deviation of ‖z‖      (eq. 15)
    ψ(θ) = cos(θ − m q) − (m + m q)                                                                 (eq. 17)

The length ‖z‖ stands for image quality and passes no gradient. θ − m q is kept within [0, π], as in the authors'
code.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .. import dist
from .angle import cos_of_sum
from .margin import MarginHead

# Bounds of ‖z‖, start of μ and σ, and the 1e-3 beside σ: the authors' code.
SHORTEST, LONGEST = 0.001, 100.0
MEAN_AT_START, STD_AT_START = 20.0, 100.0
STD_OFFSET = 1e-3


class AdaFace(MarginHead):
    """Margin that is angular for good images and additive for poor ones.

    Args:
        margin: m, 0.4 in the paper.
        h: concentration of the quality, 0.333 in the paper.
        t_alpha: share of a batch in μ and σ; 0.01 in the authors' run scripts (their constructor says 1.0).
        scale: s, 64 in the paper.
        sample_rate: share of the other centres that a step compares with, as in Partial FC; 1 takes all.
    """

    norm_mean: Tensor
    norm_std: Tensor

    def __init__(
        self,
        embedding: int,
        identities: int,
        *,
        margin: float = 0.4,
        h: float = 0.333,
        t_alpha: float = 0.01,
        scale: float = 64.0,
        sample_rate: float = 1.0,
    ) -> None:
        super().__init__(embedding, identities, scale=scale, sample_rate=sample_rate)
        self.margin, self.h, self.t_alpha = margin, h, t_alpha
        self.register_buffer("norm_mean", torch.tensor(MEAN_AT_START))
        self.register_buffer("norm_std", torch.tensor(STD_AT_START))

    def with_margin(
        self, cos_B: Float[Tensor, " B"], norm_B: Float[Tensor, " B"], labelled_B: Bool[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        norm_B = norm_B.detach().clamp(SHORTEST, LONGEST)
        if self.training:
            self._observe(norm_B, labelled_B)
        quality_B = (self.h * (norm_B - self.norm_mean) / (self.norm_std + STD_OFFSET)).clamp(-1, 1)
        angle_B = -self.margin * quality_B
        psi_B = cos_of_sum(cos_B, angle_B)
        psi_B = torch.where((angle_B < 0) & (cos_B > angle_B.cos()), 1.0, psi_B)  # θ + angle < 0
        psi_B = torch.where((angle_B > 0) & (cos_B < -angle_B.cos()), -1.0, psi_B)  # θ + angle > π
        return psi_B - (self.margin + self.margin * quality_B)

    @torch.no_grad()
    def _observe(self, norm_B: Float[Tensor, " B"], labelled_B: Bool[Tensor, " B"]) -> None:
        """Move μ and σ towards the labelled samples of the batch, over all processes."""
        count = _total(labelled_B.float())
        mean = _total(norm_B * labelled_B) / count
        std = (_total((norm_B - mean).square() * labelled_B) / (count - 1)).sqrt()
        for running, value in ((self.norm_mean, mean), (self.norm_std, std)):
            # One sample has no deviation: it and an unlabelled batch leave both where they are.
            running.copy_(torch.where(count > 1, running.lerp(value, self.t_alpha), running))


def _total(values_B: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    return dist.mean(values_B.sum()) * dist.world()
