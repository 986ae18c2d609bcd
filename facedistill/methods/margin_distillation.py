"""MarginDistillation: distillation for margin-based softmax. Svitov, Alyamkin. 2020. arXiv:2003.02586

    m_i = m_min + (m_max − m_min) cos( z_T,i , w_yi ) / max_j cos( z_T,j , w_yj )
    L   = −(1/N) Σ_i log[ e^{s cos(θ_i,yi + m_i)} / ( e^{s cos(θ_i,yi + m_i)} + Σ_{j≠yi} e^{s cosθ_ij} ) ]

w: the teacher's class centres, frozen; θ_ij: angle of the student's embedding to w_j. What the teacher finds typical of
its person gets the larger margin. The maximum is over the whole batch.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ..align.cosines import cosines
from ..align.labelled import labelled_mean
from ..align.logits import SCALE
from ..align.project import bridge
from ..align.relations import everyone
from ..errors import UserError
from ..heads.angle import arc_margin
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import UNLABELLED, Batch, Features, Spec, Terms


class MarginDistillation(AbstractMethod):
    """Term ``margin``, all that trains the student (``head: null``). Unlabelled samples are passed over.

    Args:
        margin_min_rad, margin_max_rad: 0.2 and 0.5 in the paper.
        scale: s.

    Raises:
        UserError: margins not in order.
    """

    uses = frozenset({"embedding"})
    centres: Tensor

    def __init__(
        self,
        student: Spec,
        classifier: TeacherClassifier,
        *,
        margin_min_rad: float = 0.2,
        margin_max_rad: float = 0.5,
        scale: float = SCALE,
    ) -> None:
        super().__init__()
        if not 0 <= margin_min_rad <= margin_max_rad:
            raise UserError(f"Margins must rise from 0; they are {margin_min_rad:g} and {margin_max_rad:g}.")
        self.margin_min_rad, self.margin_max_rad, self.scale = margin_min_rad, margin_max_rad, scale
        self.register_buffer("centres", classifier.best().float())
        self.adapter = bridge(student.embedding, self.centres.shape[1])

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own_B1 = batch.labels.clamp_min(0)[:, None]
        cos_BK = cosines(self.adapter(student.embedding), self.centres)
        psi_B = arc_margin(cos_BK.gather(1, own_B1)[:, 0], self.margins(teacher.embedding, batch.labels))
        logits_BK = self.scale * cos_BK.scatter(1, own_B1, psi_B[:, None])
        loss_B = F.cross_entropy(logits_BK, own_B1[:, 0], reduction="none")
        return {"margin": labelled_mean(loss_B, batch.labels)}

    @torch.no_grad()
    def margins(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """m_i in radians, from the teacher's embeddings; a face beyond a right angle from its centre gets m_min."""
        typical_B = cosines(embedding, self.centres).gather(1, labels.clamp_min(0)[:, None])[:, 0].clamp_min(0)
        typical_B = torch.where(labels != UNLABELLED, typical_B, 0)
        best = everyone(typical_B).max().clamp_min(torch.finfo(torch.float32).tiny)
        return self.margin_min_rad + (self.margin_max_rad - self.margin_min_rad) * typical_B / best
