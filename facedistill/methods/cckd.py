"""Correlation Congruence for Knowledge Distillation (CCKD). Peng, Jin, Liu, Zhou, Wu, Liu, Li, Zhang. ICCV 2019.
arXiv:1904.01802

    φ(f_i, f_j) = Σ_{p=0..P} e^{−2γ} (2γ)^p / p! ( f_i · f_j )^p
    L_CC = (1/n²) Σ_ij ( φ(f_i^S, f_j^S) − φ(f_i^T, f_j^T) )²

f: embeddings of the whole batch, of length 1. φ is the Taylor series of exp( −γ ‖ f_i − f_j ‖² ), p = P included.
"""

import math

from jaxtyping import Float
from torch import Tensor

from ..align.relations import directions, products
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Terms


class CCKD(AbstractMethod):
    """Term ``correlation``, the paper's β.

    Its α is the margin loss against ``hinton``, which stands beside it in a recipe. Widths may differ. Pairs of one
    person are rare in a shuffled batch; the paper draws several images of each class.

    Args:
        gamma: γ, the paper's 0.4.
        order: P, the paper's 2; 0 is a constant, from which nobody learns.

    Raises:
        UserError: gamma not above 0, order below 1.
    """

    uses = frozenset({"embedding"})

    def __init__(self, *, gamma: float = 0.4, order: int = 2) -> None:
        super().__init__()
        if gamma <= 0 or order < 1:
            raise UserError(f"CCKD needs gamma > 0 and an order of 1 or more; it got {gamma:g} and {order}.")
        self.coefficients = [math.exp(-2 * gamma) * (2 * gamma) ** p / math.factorial(p) for p in range(order + 1)]

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = (self.kernel(products(rows)) for rows in directions(student, teacher))
        return {"correlation": (own - wanted).square().mean()}

    def kernel(self, cosine: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """φ of pairs, from their cosines."""
        value = cosine.new_zeros(())
        for coefficient in reversed(self.coefficients):  # Horner: no powers, so no 0 to the 0
            value = value * cosine + coefficient
        return value
