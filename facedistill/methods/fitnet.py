"""FitNets: Hints for Thin Deep Nets. Romero, Ballas, Kahou, Chassang, Gatta, Bengio. ICLR 2015. arXiv:1412.6550

    L = (1/N) Σ_i mean | r( F_S,i ) − F_T,i |²        r: a linear regressor, the same at every cell

F are feature maps from the middle of both networks. Where the grids differ, r's map is read at the places of the face
where the teacher's cells lie (``align/grid.py``). The paper's ½ and its sum over entries are in the recipe's weight.
"""

import torch.nn.functional as F
from torch import nn

from ..align.frame import check_stage
from ..align.grid import Regrid
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class FitNet(AbstractMethod):
    """Term ``hint``; comparisons weight it by 100.

    The paper trains hints first and the rest after them; here they stand beside the other terms, as in comparisons.

    Args:
        stage, teacher_stage: guided layer and hint layer, from 0, or from -1 backwards; the paper takes the middle.

    Raises:
        UserError: no such stage.
    """

    uses = frozenset({"stages"})

    def __init__(self, student: Spec, teacher: Spec, *, stage: int = -2, teacher_stage: int = -2) -> None:
        super().__init__()
        self.stage = check_stage(student, stage, "student")
        self.teacher_stage = check_stage(teacher, teacher_stage, "teacher")
        channels = student.stages[self.stage].channels, teacher.stages[self.teacher_stage].channels
        self.regressor = nn.Conv2d(*channels, kernel_size=1)
        self.regrid = Regrid(student, self.stage, teacher, self.teacher_stage)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own = self.regrid(self.regressor(student.stages[self.stage]))
        return {"hint": F.mse_loss(own, teacher.stages[self.teacher_stage].detach().float())}
