"""PAT, Perspective-Aware Teaching: Adapting Knowledge for Heterogeneous Distillation. Lin et al. ICCV 2025.
arXiv:2501.08885. Its alignment, region-aware attention:

    y   = regions of all the student's stages after a joint self-attention                   (align/region_attention.py)
    L   = Σ_m HCL( P_m y_m , f_T,m )                                                m: pairs of stages, P_m: 1x1
    HCL = Σ_l w_l MSE( pool_l(a) , pool_l(b) ) / Σ_l w_l     l: the whole grid, then 4x4, 2x2, 1x1; w = 1, ½, ¼, ⅛

Whatever region a stage of the student has not seen, another has: the teacher's view is put together from all of them.
The teacher's stages pass a LayerNorm over their channels without affine, so that the weight means the same for every
teacher, which is ours.

With a ``prompted`` teacher its prompts learn from L as well, and are kept honest by the teacher's own term. The paper's
prompts are blocks that are told the student's last error; its logit term is ``hinton``.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..align.grid import Pairs, stage_pairs
from ..align.region_attention import RegionAttention
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class PAT(AbstractMethod):
    """Term ``context``.

    Args:
        pairs: stages (student's, teacher's), from 0, or from -1 backwards. All that both have, counted from the
            coarsest, where None.
        side: regions along a side; 7 x 7 of them for each stage.
        width, heads: of the attention, 512 and 8 in the paper; costs grow with width², so 128 suits a CPU.

    Raises:
        UserError: no such stage, no regions, or a width not divisible by heads.
    """

    uses = frozenset({"stages"})

    def __init__(
        self,
        student: Spec,
        teacher: Spec,
        *,
        pairs: Pairs | None = None,
        side: int = 7,
        width: int = 512,
        heads: int = 8,
    ) -> None:
        super().__init__()
        if side < 1:
            raise UserError(f"PAT needs a side of 1 region or more, not {side}.")
        self.pairs = stage_pairs(student, teacher, pairs)
        self.regions = RegionAttention(student, [own for own, _ in self.pairs], side, width, heads)
        self.aligners = nn.ModuleList(nn.Conv2d(width, teacher.stages[its].channels, 1) for _, its in self.pairs)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        informed = self.regions([student.stages[own] for own, _ in self.pairs])
        gaps = [
            _context_gap(aligner(own).float(), _normalised(teacher.stages[its].float()))
            for own, aligner, (_, its) in zip(informed, self.aligners, self.pairs, strict=True)
        ]
        return {"context": torch.stack(gaps).sum()}


def _normalised(stage: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    return F.layer_norm(stage.movedim(1, 3), stage.shape[1:2]).movedim(3, 1)


def _context_gap(own: Float[Tensor, "B C g g"], wanted: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """HCL on the teacher's grid."""
    grid = wanted.shape[2:]
    own = F.interpolate(own, size=grid, mode="bilinear", align_corners=False)
    sides = [side for side in (4, 2, 1) if side < min(grid)]
    total, weights = F.mse_loss(own, wanted), 1.0
    for level, side in enumerate(sides, start=1):
        coarse = F.mse_loss(F.adaptive_avg_pool2d(own, side), F.adaptive_avg_pool2d(wanted, side))
        total, weights = total + coarse / 2**level, weights + 1 / 2**level
    return total / weights
