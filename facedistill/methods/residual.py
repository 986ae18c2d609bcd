"""RIM: Cross-Resolution Face Recognition via Prior-Aided Face Hallucination and Residual Knowledge Distillation. Kong
et al. 2019. arXiv:1905.10777. Its recognition part; in general, Residual Knowledge Distillation. Gao et al. 2020.

    L_S = Σ_l ‖ T_l(x) − S_l(x̃) ‖²
    L_A = Σ_l ‖ T_l(x) − sg S_l(x̃) − A_l(x̃) ‖²              deployed: z = z_S + z_A

l: the embedding, with length 1 for T, for S and for the sum S + A, and pairs of stages. x̃ is x degraded, where the
model is (``low_resolution: {backbone: {residual: {...}}}``). Each distance is a mean over samples, of stages over
entries as well. Where widths or grids differ, S_l and A_l pass one linear map, and meet the teacher on the coarser
grid. The equations are ours, from the abstracts.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..align.grid import Meet, Pairs, stage_pairs
from ..align.project import bridge, channel_bridge
from ..align.relations import unit
from ..errors import UserError
from ..method import AbstractMethod
from ..types import ALONE, Batch, Features, Spec, Terms


class Residual(AbstractMethod):
    """Terms ``student`` and ``assistant``; the second leaves the student alone. Needs the model ``residual``.

    Args:
        pairs: stages (student's, teacher's), from 0, or from -1 backwards. All that both have, counted from the
            coarsest, where None.

    Raises:
        UserError: no such stage, no pair; in training, a student without an assistant.
    """

    uses = frozenset({"embedding", "stages"})
    asks_student = frozenset({ALONE})

    def __init__(self, student: Spec, teacher: Spec, *, pairs: Pairs | None = ((-1, -1),)) -> None:
        super().__init__()
        self.pairs = stage_pairs(student, teacher, pairs)
        self.projector = bridge(student.embedding, teacher.embedding)
        self.meet = nn.ModuleList(Meet(student, own, teacher, its) for own, its in self.pairs)
        self.projectors = nn.ModuleList(
            channel_bridge(student.stages[own].channels, teacher.stages[its].channels) for own, its in self.pairs
        )

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        if ALONE not in student.extras:
            raise UserError("Method 'residual' teaches a student with an assistant; use the model 'residual'.")
        both, own = list(self._seen(student)), list(self._alone(student))
        helped = [summed - alone + alone.detach() for summed, alone in zip(both, own, strict=True)]
        return {"student": self._distance(own, teacher), "assistant": self._distance(helped, teacher)}

    def _seen(self, student: Features) -> Iterator[Tensor]:
        yield student.embedding.float()
        yield from (student.stages[own].float() for own, _ in self.pairs)

    def _alone(self, student: Features) -> Iterator[Tensor]:
        yield student.extras[ALONE].float()
        yield from (student.extras[f"{ALONE}_{own}"].float() for own, _ in self.pairs)

    def _distance(self, own: list[Tensor], teacher: Features) -> Float[Tensor, ""]:
        embedding, *stages = own
        gaps = [(unit(self.projector(embedding)) - unit(teacher.embedding.detach())).square().sum(1).mean()]
        for stage, (_, its), meet, projector in zip(stages, self.pairs, self.meet, self.projectors, strict=True):
            met, wanted = meet(stage, teacher.stages[its].detach())
            gaps.append((projector(met).float() - wanted).square().mean())
        return torch.stack(gaps).sum()
