"""NormFace: L2 Hypersphere Embedding for Face Verification. Wang et al. ACM MM 2017. arXiv:1704.06369

ψ(θ) = cosθ                                                               softmax of cosines, no margin
"""

from jaxtyping import Bool, Float
from torch import Tensor

from .margin import MarginHead


class Softmax(MarginHead):
    """Normalised softmax.

    Args:
        scale: s; 64 as in the margin heads, so that they differ by the margin alone.
        sample_rate: share of the other centres that a step compares with, as in Partial FC; 1 takes all.
    """

    def __init__(self, embedding: int, identities: int, *, scale: float = 64.0, sample_rate: float = 1.0) -> None:
        super().__init__(embedding, identities, scale=scale, sample_rate=sample_rate)

    def with_margin(
        self, cos_B: Float[Tensor, " B"], norm_B: Float[Tensor, " B"], labelled_B: Bool[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        return cos_B
