"""CoupleFace: Relation Matters for Face Recognition Distillation. Liu et al. ECCV 2022. arXiv:2204.05502

    L_consistency = (1/2N) Σ_i ‖ ẑ_S,i − ẑ_T,i ‖²
    L_relation    = (1/NK) Σ_i Σ_{k in M_i} max( cos( z_S,i , w_k ) − cos( z_T,i , w_k ) − q , 0 )

w: the teacher's class centres, frozen. M_i: the K other identities that the teacher finds most alike to face i, the
informative relations; the student may find them as alike as the teacher does, and q more. The paper's exact mining and
constants are not known to us: centres as partners, K and q are this project's.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ..align.cosines import cosines
from ..align.project import bridge
from ..align.relations import unit
from ..errors import UserError
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import UNLABELLED, Batch, Features, Spec, Terms


class CoupleFace(AbstractMethod):
    """Terms ``consistency`` and ``relation``, beside a margin softmax; every sample counts, labelled or not.

    Args:
        relations: K; fewer where there are fewer other identities.
        slack: q.

    Raises:
        UserError: no relation asked for, or a single identity.
    """

    uses = frozenset({"embedding"})
    centres: Tensor

    def __init__(
        self, student: Spec, classifier: TeacherClassifier, *, relations: int = 100, slack: float = 0.03
    ) -> None:
        super().__init__()
        self.relations, self.slack = min(relations, classifier.identities - 1), slack
        if self.relations < 1:
            raise UserError(f"CoupleFace relates faces to other identities; it has {self.relations} to relate to.")
        self.register_buffer("centres", classifier.best().float())
        self.projector = bridge(student.embedding, self.centres.shape[1])

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = self.projector(student.embedding), teacher.embedding.detach()
        wanted_BK = cosines(wanted, self.centres)
        mined = self.mined(wanted_BK, batch.labels)
        excess = cosines(own, self.centres).gather(1, mined) - wanted_BK.gather(1, mined)
        return {
            "consistency": (unit(own) - unit(wanted)).square().sum(1).mean() / 2,
            "relation": F.relu(excess - self.slack).mean(),
        }

    def mined(self, wanted_BK: Float[Tensor, "B K"], labels: Int[Tensor, " B"]) -> Int[Tensor, "B M"]:
        """M_i, most alike first."""
        own_B1 = labels.clamp_min(0)[:, None]
        # An unlabelled face may show anybody: none is left out.
        lowered_B1 = torch.where((labels != UNLABELLED)[:, None], -2.0, wanted_BK.gather(1, own_B1))
        return wanted_BK.scatter(1, own_B1, lowered_B1).topk(self.relations, dim=1).indices
