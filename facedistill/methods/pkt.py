"""Learning Deep Representations with Probabilistic Knowledge Transfer (PKT). Passalis, Tefas. ECCV 2018.
arXiv:1803.10837

    K_ij = ( cos( f_i , f_j ) + 1 ) / 2      P_ij = K_ij / Σ_{l≠i} K_il
    L = (1/n) Σ_i Σ_{j≠i} P^T_ij log( P^T_ij / P^S_ij )

f: embeddings of the whole batch. P_ij is the probability that i chooses j as its neighbour; public code lets i choose
itself, too.
"""

from jaxtyping import Float
from torch import Tensor

from ..align.relations import directions, others, products
from ..method import AbstractMethod
from ..types import Batch, Features, Terms

SMALLEST = 1e-7
"""Of K: opposite directions would otherwise have the logarithm of 0; the authors' code adds as much."""


class PKT(AbstractMethod):
    """Term ``neighbours``: the student's samples choose their neighbours as the teacher's do.

    Widths may differ. The cosine kernel has no number to choose; the distances are small, and comparisons weight the
    mean over pairs by 30,000, which is 30,000 / n here (some 230 for a batch of 128).
    """

    uses = frozenset({"embedding"})

    def __init__(self) -> None:  # without it the signature, which recipes are checked against, would be nn.Module's
        super().__init__()

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = (neighbours(rows) for rows in directions(student, teacher))
        return {"neighbours": (wanted * (wanted / own).log()).sum(1).mean()}


def neighbours(unit_rows: Float[Tensor, "n D"]) -> Float[Tensor, "n m"]:
    """P, m = n - 1 others each."""
    kernel = ((others(products(unit_rows)) + 1) / 2).clamp_min(SMALLEST)
    return kernel / kernel.sum(1, keepdim=True)
