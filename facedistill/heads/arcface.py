"""ArcFace: Additive Angular Margin Loss for Deep Face Recognition. Deng et al. CVPR 2019. arXiv:1801.07698

    ψ(θ) = cos(θ + m)        θ + m <= π                                                             (eq. 3)
    ψ(θ) = cosθ − m sin m    beyond, where cos(θ + m) would rise again and reward a larger angle

The second line is the extension of the authors' first public code (MXNet); the paper is silent.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .angle import arc_margin, cos_of_sum
from .margin import MarginHead


class ArcFace(MarginHead):
    """Additive angular margin.

    Args:
        margin_rad: m, 0.5 in the paper.
        scale: s, 64 in the paper.
        gradient: ``exact`` differentiates ψ, a factor of sin(θ+m)/sinθ. ``straight_through`` is insightface's
            arcface_torch: cos(θ+m) forward at every angle, and the gradient of cosθ backward.
        sample_rate: share of the other centres that a step compares with, as in Partial FC; 1 takes all.
    """

    def __init__(
        self,
        embedding: int,
        identities: int,
        *,
        margin_rad: float = 0.5,
        scale: float = 64.0,
        sample_rate: float = 1.0,
        gradient: Literal["exact", "straight_through"] = "exact",
    ) -> None:
        super().__init__(embedding, identities, scale=scale, sample_rate=sample_rate)
        self.margin_rad, self.gradient = margin_rad, gradient

    def with_margin(
        self, cos_B: Float[Tensor, " B"], norm_B: Float[Tensor, " B"], labelled_B: Bool[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        margin_rad = torch.tensor(self.margin_rad)
        if self.gradient == "straight_through":
            return cos_B + (cos_of_sum(cos_B, margin_rad) - cos_B).detach()
        return arc_margin(cos_B, margin_rad)
