"""Facial positional encoding of CAKD (Zhao et al. ACM MM 2023, arXiv:2306.14662), bucketed as iRPE does (Wu et al.
ICCV 2021, arXiv:2107.14222).

    b_i = P[ I( D(i, anchor) ) ]        D(i, anchor) = D_euclid(i, anchor) + γ D_face(i, anchor)

    D_euclid = ‖ p_i − p_anchor ‖                                           anchor: the nose tip's cell
    relative:  D_face = 7 ‖ r_i − r_anchor ‖ / √5        r_i = ( ‖p_i − l_1‖, …, ‖p_i − l_5‖ ) / 7
    saliency:  D_face = 7 | s_i − s_anchor |             s_i = mean of ‖f_T,i‖, rescaled to [0, 1]

The two D_face are this project's reading: the paper names them without a formula known to us. Positions p are in the
frame of ``frame.py``; the landmarks l are those of the template that every crop is aligned to.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..errors import UserError
from ..landmarks import ARCFACE_PX
from ..types import Spec
from .frame import FACE_CELLS
from .saliency import Saliency

FaceDistance = Literal["euclid", "saliency", "relative"]

NOSE_TIP = 2
"""Its place among the landmarks."""


def landmarks() -> Float[Tensor, "5 2"]:
    """The template's landmarks in face cells."""
    return torch.tensor(ARCFACE_PX) * FACE_CELLS / 112


def anchor() -> Float[Tensor, "1 2"]:
    """Centre of the cell that holds the nose tip."""
    return landmarks()[NOSE_TIP : NOSE_TIP + 1].floor() + 0.5


def relative_distance(points: Float[Tensor, "N 2"], origin: Float[Tensor, "1 2"]) -> Float[Tensor, " N"]:
    """How differently two points lie to the five landmarks."""
    marks = landmarks().to(points.device)
    r_N5, r_anchor = ((each[:, None] - marks).norm(dim=2) / FACE_CELLS for each in (points, origin))
    return FACE_CELLS * (r_N5 - r_anchor).norm(dim=1) / math.sqrt(5)


@dataclass(frozen=True)
class PiecewiseIndex:
    """iRPE's buckets for distances, which have no sign: round(x) up to α, then logarithmic, at most β.

    I(x) = min( β, round( α + ln(x/α) / ln(γp/α) (β − α) ) )        x > α

    Raises:
        UserError: not 0 < alpha < gamma_p and alpha <= beta.
    """

    alpha: float
    beta: float
    gamma_p: float

    def __post_init__(self) -> None:
        if not 0 < self.alpha < self.gamma_p or self.beta < self.alpha:
            raise UserError(
                f"The index function needs 0 < alpha < gamma_p and alpha <= beta; "
                f"it got alpha {self.alpha:g}, beta {self.beta:g} and gamma_p {self.gamma_p:g}."
            )

    def __call__(self, distance: Float[Tensor, " N"]) -> Int[Tensor, " N"]:
        share = (distance.clamp_min(self.alpha) / self.alpha).log() / math.log(self.gamma_p / self.alpha)
        far = (self.alpha + share * (self.beta - self.alpha)).round().clamp_max(int(self.beta))
        return torch.where(distance <= self.alpha, distance.round(), far).long()


class FacialPosition(nn.Module):
    """The code of any point of the face.

    Args:
        width: of a code.
        teacher, stage: whose saliency counts.
        encoding: D_face; none for ``euclid``.
        gamma: γ, weight of D_face.
        index: from distances to buckets, int(beta) + 1 of them.
    """

    def __init__(
        self, width: int, teacher: Spec, stage: int, encoding: FaceDistance, *, gamma: float, index: PiecewiseIndex
    ) -> None:
        super().__init__()
        self.encoding, self.gamma, self.index = encoding, gamma, index
        self.saliency = Saliency(teacher, stage) if encoding == "saliency" else None
        self.table = nn.Parameter(torch.empty(int(index.beta) + 1, width))
        nn.init.trunc_normal_(self.table, std=0.02)  # as positional embeddings of Vision Transformers

    def observe(self, stage: Float[Tensor, "B C H W"]) -> None:
        """Show it a training batch of the teacher's features."""
        if self.saliency is not None:
            self.saliency.observe(stage)

    def forward(self, points: Float[Tensor, "N 2"]) -> Float[Tensor, "N d"]:
        return F.embedding(self.index(self.distance(points)), self.table)

    def distance(self, points: Float[Tensor, "N 2"]) -> Float[Tensor, " N"]:
        """D(i, anchor), in face cells."""
        origin = anchor().to(points.device)
        euclid = (points - origin).norm(dim=1)
        if self.saliency is not None:
            return euclid + self.gamma * self.saliency.distance(points, origin)
        if self.encoding == "relative":
            return euclid + self.gamma * relative_distance(points, origin)
        return euclid
