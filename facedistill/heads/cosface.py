"""CosFace: Large Margin Cosine Loss for Deep Face Recognition. Wang et al. CVPR 2018. arXiv:1801.09414

ψ(θ) = cosθ − m                                                                                 (eq. 4)
"""

from jaxtyping import Bool, Float
from torch import Tensor

from .margin import MarginHead


class CosFace(MarginHead):
    """Additive cosine margin.

    Args:
        margin: m, 0.35 in the paper; insightface and GKD use 0.4.
        scale: s, 64 in the paper.
        sample_rate: share of the other centres that a step compares with, as in Partial FC; 1 takes all.
    """

    def __init__(
        self, embedding: int, identities: int, *, margin: float = 0.35, scale: float = 64.0, sample_rate: float = 1.0
    ) -> None:
        super().__init__(embedding, identities, scale=scale, sample_rate=sample_rate)
        self.margin = margin

    def with_margin(
        self, cos_B: Float[Tensor, " B"], norm_B: Float[Tensor, " B"], labelled_B: Bool[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        return cos_B - self.margin
