"""Cross-Architecture Knowledge Distillation. Liu et al. ACCV 2022. arXiv:2207.05273. Its two projectors, partially
cross attention (PCA) and group-wise linear (GL):

    L_attention = MSE( A(h_T, h_T, h_T) , A(g(Q_S), g(K_S), g(V_S)) )        A(Q, K, V) = softmax(Q K^T / √d) V
    L_values    = MSE( h_T h_T^T / √d , V_S V_S^T / √d )
    L_mapping   = MSE( h_T , h'_S )
    Q_S, K_S, V_S = 3x3 convolutions of the student's map;  h'_S: linear, one map for each 4x4 cells
    g: in training every entry of Q_S, K_S, V_S is replaced by the teacher's with probability ½

h_T: the teacher's tokens after a LayerNorm without affine; they stand for its queries, keys and values, so that any
teacher with stages will do: ViT, Swin or EdgeNeXt. The two maps meet on the coarser grid. Which entries are
replaced is looked up by sample and view (align/chance.py). The paper's adversarial term is not here: one loss cannot
train two opponents. Its logit and embedding terms are ``hinton`` and ``cosine``.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..align.chance import bernoulli
from ..align.frame import check_stage
from ..align.grid import Meet
from ..align.groupwise import GroupwiseLinear
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class PartialCrossAttention(AbstractMethod):
    """Terms ``attention``, ``values`` and ``mapping``; 0.2, 0.05 and 0.05 in the authors' code, ramped late.

    Args:
        stage, teacher_stage: the feature map of each network, from 0, or from -1 backwards.
        replaced: probability of an entry of the teacher's.
        side: cells along a side that share a linear map.

    Raises:
        UserError: no such stage, a probability outside 0 to 1, or no cells.
    """

    uses = frozenset({"stages"})

    def __init__(
        self,
        student: Spec,
        teacher: Spec,
        *,
        stage: int = -1,
        teacher_stage: int = -1,
        replaced: float = 0.5,
        side: int = 4,
    ) -> None:
        super().__init__()
        if not 0 <= replaced <= 1 or side < 1:
            raise UserError(f"`replaced` lies within 0 to 1 and `side` is 1 or more; they are {replaced:g} and {side}.")
        self.stage, self.teacher_stage = (
            check_stage(student, stage, "student"),
            check_stage(teacher, teacher_stage, "teacher"),
        )
        self.replaced = replaced
        channels = student.stages[self.stage].channels, teacher.stages[self.teacher_stage].channels
        self.meet = Meet(student, self.stage, teacher, self.teacher_stage)
        self.query_key_value = nn.Conv2d(channels[0], 3 * channels[1], 3, padding=1)
        self.linear = GroupwiseLinear(*channels, self.meet.grid, side)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, its = self.meet(student.stages[self.stage], teacher.stages[self.teacher_stage].detach())
        h_T = F.layer_norm(_tokens(its), its.shape[1:2])
        mapped, projected = _tokens(self.linear(own)), _tokens(self.query_key_value(own))
        with torch.autocast(own.device.type, enabled=False):
            crossed = _attention(*self._crossed(projected, h_T, batch).chunk(3, dim=2))
            return {
                "attention": F.mse_loss(crossed, _attention(h_T, h_T, h_T)),
                "values": F.mse_loss(_relations(projected.chunk(3, dim=2)[2]), _relations(h_T)),
                "mapping": F.mse_loss(mapped, h_T),
            }

    def _crossed(
        self, projected: Float[Tensor, "B N E"], h_T: Float[Tensor, "B N d"], batch: Batch
    ) -> Float[Tensor, "B N E"]:
        if not self.training:
            return projected
        taken = bernoulli(batch, tuple(projected.shape[1:]), self.replaced)
        return torch.where(taken, h_T.repeat(1, 1, 3), projected)


def _tokens(stage: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N C"]:
    return stage.float().flatten(2).transpose(1, 2)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Float[Tensor, "B N d"]:
    return (query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])).softmax(-1) @ value


def _relations(value: Float[Tensor, "B N d"]) -> Float[Tensor, "B N N"]:
    return value @ value.transpose(1, 2) / math.sqrt(value.shape[-1])
