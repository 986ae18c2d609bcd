"""Region-aware attention: regions of all stages of a student look at each other before they are compared with a
teacher's (PAT, Lin et al. ICCV 2025, arXiv:2501.08885).

    x = [ E_1 pool(f_1) ; … ; E_M pool(f_M) ] + position        g x g regions of each of M stages
    y = x + MSA( LayerNorm(x) )                                 y_m: the regions of stage m, having seen all others
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..types import Spec
from .centres import SelfAttention


class RegionAttention(nn.Module):
    """Stages of one network as maps of one width on one grid, each informed by all.

    Args:
        spec, stages: the network, and which of its stages.
        side: g.
        width, heads: of the attention.

    Raises:
        UserError: width not divisible by heads.
    """

    def __init__(self, spec: Spec, stages: list[int], side: int, width: int, heads: int) -> None:
        super().__init__()
        self.side = side
        self.enter = nn.ModuleList(nn.Conv2d(spec.stages[stage].channels, width, 1) for stage in stages)
        self.position = nn.Parameter(torch.empty(len(stages) * side * side, width))
        nn.init.trunc_normal_(self.position, std=0.02)  # as positional embeddings of Vision Transformers
        self.norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)

    def forward(self, stages: list[Tensor]) -> list[Float[Tensor, "B d g g"]]:
        regions = [F.adaptive_avg_pool2d(stage, self.side) for stage in stages]
        tokens = [enter(each).flatten(2).transpose(1, 2) for enter, each in zip(self.enter, regions, strict=True)]
        x = torch.cat(tokens, dim=1) + self.position
        y = x + self.attention(self.norm(x))[2]
        maps = y.transpose(1, 2).chunk(len(stages), dim=2)
        return [each.unflatten(2, (self.side, self.side)) for each in maps]
