"""Paraphrasing Complex Network: Network Compression via Factor Transfer (FT). Kim, Park, Kwak. NeurIPS 2018.
arXiv:1802.04977

    F_T = encode( x_T ), k C channels        F_S = translate( x_S ), as many
    L_rec = mean | x_T − decode( F_T ) |²                                     the paraphraser, an auto-encoder
    L_FT  = mean | F_S / ‖F_S‖ − sg F_T / ‖F_T‖ |^p                           p = 1

x are feature maps. The paper trains the paraphraser first; here it learns along, from L_rec only, and nobody learns
from it but the student's translator. Where the grids differ, F_S is read at the places of the face where the teacher's
cells lie (``align/grid.py``).
"""

from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..align.frame import check_stage
from ..align.grid import Regrid
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class FactorTransfer(AbstractMethod):
    """Terms ``factor`` (comparisons weight it by 200) and ``reconstruction``, which trains the paraphraser alone.

    GroupNorm stands where the paper has BatchNorm, so that a factor depends on its own image only.

    Args:
        stage, teacher_stage: from 0, or from -1 backwards; the paper takes the last.
        rate: k, channels of a factor over those of the teacher's stage; the paper's 0.5.
        norm: p, the paper's 1.

    Raises:
        UserError: no such stage, rate not above 0.
    """

    uses = frozenset({"stages"})

    def __init__(
        self,
        student: Spec,
        teacher: Spec,
        *,
        stage: int = -1,
        teacher_stage: int = -1,
        rate: float = 0.5,
        norm: Literal[1, 2] = 1,
    ) -> None:
        super().__init__()
        if rate <= 0:
            raise UserError(f"A factor has a share of the teacher's channels, `rate`, above 0; it is {rate:g}.")
        self.stage = check_stage(student, stage, "student")
        self.teacher_stage = check_stage(teacher, teacher_stage, "teacher")
        self.norm = norm
        own, wanted = student.stages[self.stage].channels, teacher.stages[self.teacher_stage].channels
        factor = max(1, round(rate * wanted))
        self.translate = _convolutions(own, own, factor, factor)
        self.encode = _convolutions(wanted, wanted, factor, factor)
        # Ends in a convolution: a Transformer's features are as often below 0 as above.
        self.decode = nn.Sequential(*_convolutions(factor, factor, wanted), nn.Conv2d(wanted, wanted, 3, padding=1))
        self.regrid = Regrid(student, self.stage, teacher, self.teacher_stage)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        x_T = teacher.stages[self.teacher_stage].detach()
        F_T = self.encode(x_T)
        F_S = self.regrid(self.translate(student.stages[self.stage]))
        return {
            "factor": self.distance(F_S, F_T.detach()),
            "reconstruction": F.mse_loss(self.decode(F_T).float(), x_T.float()),
        }

    def distance(self, own: Float[Tensor, "B C H W"], wanted: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
        """L_FT."""
        own, wanted = (F.normalize(factor.float().flatten(1)) for factor in (own, wanted))
        return (own - wanted).abs().pow(self.norm).mean()


def _convolutions(*channels: int) -> nn.Sequential:
    """3x3 with LeakyReLU of 0.1, as often as paraphraser and translator have them."""
    layers: list[nn.Module] = []
    for width, wanted in pairwise(channels):
        layers += [nn.Conv2d(width, wanted, 3, padding=1, bias=False), nn.GroupNorm(1, wanted), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers)
