"""CAKD's unified receptive-field mapping: Cross Architecture Distillation for Face Recognition. Zhao et al. ACM MM
2023. arXiv:2306.14662. With a ``prompted`` teacher this is CAKD.

    h_S, h_T = the L local features that the same learned centres read from both networks     (align/centres.py)
    b        = facial positional encoding of the centres, or of the cells                     (align/facial_position.py)
    L_Attn = MSE( Attn_T , Attn_S )            Attn: maps of the self-attention (MSA) over h
    L_Feat = MSE( MSA(h_T) , MSA(h_S) )

Both are zero for an h that ignores the image, so (a) both sides are standardised over the batch - equal ones then cost
0, unrelated ones 2 and a constant 1, whatever L and d; (b) ``classify``, a margin softmax over the teacher's class
centres on the pooled MSA(h_S) and MSA(h_T), keeps h telling identities apart; (c) neither distance moves the
teacher's side of the mapping, else Attn of both sides becomes one constant map. Prompts learn from both distances all
the same.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..align.centres import LocalCentres, SelfAttention
from ..align.facial_position import FacialPosition, PiecewiseIndex
from ..align.frame import check_stage
from ..align.mapping import Local, UnifiedMapping
from ..align.standardise import Scale, standardised
from ..heads.inherited import Inherited
from ..method import AbstractMethod
from ..signature import Choice
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Spec, Terms


class URFM(AbstractMethod):
    """Terms ``attention``, ``feature`` and ``classify``.

    The paper's numbers are not known to us; the defaults are this project's.

    Args:
        stage, teacher_stage: the feature map of each network, from 0, or from -1 backwards. Prompts are further
            tokens of the teacher where it is its last.
        centres: L; a square number where the queries carry the code.
        width, heads: of both attentions; costs grow with width², so 128 suits a CPU.
        encoding, encode: which facial distance, and whether centres or cells carry its code.
        gamma, alpha, beta, gamma_p: weight of the facial distance, and the constants of iRPE's index function.
        attention: compare the maps, or their product with the values.
        normalise, stop_teacher: safeguards (a) and (c). With ``width``, a LayerNorm without affine, both sides may
            still agree on what no image changes.
        margin: of ``classify``.

    Raises:
        UserError: no such stage, width not divisible by heads, centres that make no square.
    """

    uses = frozenset({"stages"})
    optional = frozenset({"prompts"})

    def __init__(
        self,
        student: Spec,
        teacher: Spec,
        classifier: TeacherClassifier,
        *,
        stage: int = -1,
        teacher_stage: int = -1,
        centres: int = 49,
        width: int = 512,
        heads: int = 8,
        encoding: Literal["none", "euclid", "saliency", "relative"] = "relative",
        encode: Literal["query", "key"] = "query",
        gamma: float = 1.0,
        alpha: float = 2.0,
        beta: float = 6.0,
        gamma_p: float = 8.0,
        attention: Literal["map", "context"] = "map",
        normalise: Scale = "batch",
        stop_teacher: bool = True,
        margin: Choice | str = "cosface",
    ) -> None:
        super().__init__()
        self.stage = check_stage(student, stage, "student")
        self.teacher_stage = check_stage(teacher, teacher_stage, "teacher")
        self.reads_prompts = self.teacher_stage == len(teacher.stages) - 1
        self.attention, self.normalise, self.stop_teacher = attention, normalise, stop_teacher
        index, face = PiecewiseIndex(alpha, beta, gamma_p), (teacher, self.teacher_stage)
        position = None if encoding == "none" else FacialPosition(width, *face, encoding, gamma=gamma, index=index)
        local = LocalCentres(centres, width, heads, position, encode)
        self.mapping = UnifiedMapping((student, self.stage), face, local, SelfAttention(width, heads))
        self.identity = Inherited(width, classifier, centres="best", margin=margin)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        seen = self._seen(teacher)
        if self.training:
            self.mapping.observe(seen[0])
        own, wanted = self.local(student, teacher)
        pooled = torch.cat([own.out.mean(1), wanted.out.mean(1)])
        wanted = self.mapping.held(wanted, *seen) if self.stop_teacher else wanted
        attention = (own.maps, wanted.maps) if self.attention == "map" else (own.context, wanted.context)
        return {
            "attention": self._distance(*attention),
            "feature": self._distance(own.out, wanted.out),
            "classify": self.identity(pooled, batch.labels.repeat(2)),
        }

    def local(self, student: Features, teacher: Features) -> tuple[Local, Local]:
        """What the local centres see of the student and of the teacher."""
        return self.mapping("student", student.stages[self.stage]), self.mapping("teacher", *self._seen(teacher))

    def _seen(self, teacher: Features) -> tuple[Tensor, Tensor | None]:
        prompts = teacher.extras.get("prompts") if self.reads_prompts else None
        return teacher.stages[self.teacher_stage], prompts

    def _distance(self, own: Tensor, wanted: Tensor) -> Tensor:
        return F.mse_loss(standardised(own, self.normalise), standardised(wanted, self.normalise))
