"""A Gift from Knowledge Distillation: Fast Optimization, Network Minimization and Transfer Learning (FSP). Yim, Joo,
Bae, Kim. CVPR 2017 (not on arXiv).

    G = (1/hw) Σ_xy F1(x,y) F2(x,y)^T, C1 C2        F1, F2: two feature maps of one network
    L = Σ_flows (1/N) Σ_i mean | G_S,i − G_T,i |²

G is the flow from one layer to another: how a problem is solved rather than the answers. F1 and F2 meet on the coarser
of their grids. Where the teacher has other channels, the student's pass a linear map first, the same at every cell.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..align.frame import check_stage
from ..align.grid import Meet, Pairs
from ..align.project import channel_bridge
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class FSP(AbstractMethod):
    """Term ``flow``; comparisons weight it by 50. Entries are averaged where the paper adds them.

    Args:
        flows, teacher_flows: stages (first, second) of each network, from 0, or from -1 backwards; as many of one as of
            the other, and the student's where the teacher's are None.

    Raises:
        UserError: no such stage, no flow, or more flows of one network than of the other.
    """

    uses = frozenset({"stages"})

    def __init__(
        self, student: Spec, teacher: Spec, *, flows: Pairs = ((-2, -1),), teacher_flows: Pairs | None = None
    ) -> None:
        super().__init__()
        teacher_flows = flows if teacher_flows is None else teacher_flows
        if not flows or len(flows) != len(teacher_flows):
            raise UserError(
                f"FSP compares flow by flow; it got {len(flows)} and, of the teacher, {len(teacher_flows)}."
            )
        self.gaps = nn.ModuleList(
            _Gap(_Flow(student, own, "student"), _Flow(teacher, its, "teacher"))
            for own, its in zip(flows, teacher_flows, strict=True)
        )

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"flow": torch.stack([gap(student, teacher) for gap in self.gaps]).sum()}


class _Flow(nn.Module):
    """G of two stages of one network."""

    def __init__(self, spec: Spec, flow: tuple[int, int], whose: str) -> None:
        super().__init__()
        self.first, self.second = (check_stage(spec, stage, whose) for stage in flow)
        self.channels = spec.stages[self.first].channels, spec.stages[self.second].channels
        self.meet = Meet(spec, self.first, spec, self.second)

    def forward(self, first: Float[Tensor, "B C1 _ _"], second: Float[Tensor, "B C2 _ _"]) -> Float[Tensor, "B C1 C2"]:
        first, second = self.meet(first, second)
        with torch.autocast(first.device.type, enabled=False):
            first, second = first.float().flatten(2), second.float().flatten(2)
            return first @ second.transpose(1, 2) / first.shape[2]


class _Gap(nn.Module):
    """How far a student's flow is from a teacher's, in the teacher's channels."""

    def __init__(self, own: _Flow, wanted: _Flow) -> None:
        super().__init__()
        self.own, self.wanted = own, wanted
        self.first, self.second = map(channel_bridge, own.channels, wanted.channels)

    def forward(self, student: Features, teacher: Features) -> Float[Tensor, ""]:
        first, second = (student.stages[stage] for stage in (self.own.first, self.own.second))
        its = (teacher.stages[stage].detach() for stage in (self.wanted.first, self.wanted.second))
        return F.mse_loss(self.own(self.first(first), self.second(second)), self.wanted(*its))
