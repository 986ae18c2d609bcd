"""Relational Knowledge Distillation. Park, Kim, Lu, Cho. CVPR 2019. arXiv:1904.05068

    ψ_D(i,j) = ‖ t_i − t_j ‖ / μ                               μ: mean distance within the batch
    ψ_A(i,j,k) = cos ∠ t_i t_j t_k = < e_ij , e_kj >           e_ij = ( t_i − t_j ) / ‖ t_i − t_j ‖
    L_D = mean over pairs of l( ψ_D^T , ψ_D^S )      L_A = mean over triplets of l( ψ_A^T , ψ_A^S )      l: Huber, δ = 1

t: embeddings of the whole batch; pairs and triplets of distinct samples.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..align.cosines import SHORTEST
from ..align.relations import directions, distances, embeddings, others
from ..method import AbstractMethod
from ..types import Batch, Features, Terms

NUMBERS_AT_ONCE = 2**24
"""Edges and angles held at a time, 64 MB: all of them for a batch of 128, a few corners of a large one."""


class RKD(AbstractMethod):
    """Terms ``distance`` (usual weight 25) and ``angle`` (50).

    Widths may differ. Time grows with n³; memory does not, since angles are computed again on the way back.

    Args:
        normalise: compare directions, as faces are compared. The paper normalises the teacher only, and finds
            students better off without.
    """

    uses = frozenset({"embedding"})

    def __init__(self, *, normalise: bool = True) -> None:
        super().__init__()
        self.normalise = normalise

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = (directions if self.normalise else embeddings)(student, teacher)
        with torch.autocast(own.device.type, enabled=False):
            return {"distance": distance_loss(own, wanted), "angle": angle_loss(own, wanted)}


def distance_loss(own: Float[Tensor, "n D"], wanted: Float[Tensor, "n E"]) -> Float[Tensor, ""]:
    """L_D."""
    pairs = max(1, len(own) * (len(own) - 1))
    relative = (others(distances(rows)) for rows in (own, wanted))
    psi_S, psi_T = (apart / (apart.sum() / pairs).clamp_min(SHORTEST) for apart in relative)
    return F.smooth_l1_loss(psi_S, psi_T, reduction="sum") / pairs


def angle_loss(own: Float[Tensor, "n D"], wanted: Float[Tensor, "n E"]) -> Float[Tensor, ""]:
    """L_A, some corners j at a time. Where two of i, j, k are one sample, both sides agree and nothing is added."""
    n = len(own)
    at_once = max(1, NUMBERS_AT_ONCE // (n * (n + max(own.shape[1], wanted.shape[1]))))
    parts = [checkpoint(_corners, own, wanted, j, j + at_once, use_reentrant=False) for j in range(0, n, at_once)]
    total: Tensor = torch.stack(parts).sum()
    return total / max(1, n * (n - 1) * (n - 2))


def _corners(own: Tensor, wanted: Tensor, first: int, end: int) -> Tensor:
    psi_S, psi_T = (angles(rows, rows[first:end]) for rows in (own, wanted))
    return F.smooth_l1_loss(psi_S, psi_T, reduction="sum")


def angles(rows: Float[Tensor, "n D"], corners: Float[Tensor, "m D"]) -> Float[Tensor, "m n n"]:
    """ψ_A of all i and k at each corner j; 0 where i or k is the corner itself."""
    edges = F.normalize(rows - corners[:, None], dim=2, eps=SHORTEST)
    return edges @ edges.transpose(1, 2)
