"""CAKD's unified receptive-field mapping: Cross Architecture Distillation for Face Recognition. Zhao et al. ACM MM
2023. arXiv:2306.14662. With a ``prompted`` teacher this is CAKD.

    h_S, h_T = the L local features that the same learned centres read from both networks     (align/centres.py)
    b        = facial positional encoding of the centres, or of the cells                     (align/facial_position.py)
    L_Attn = MSE( Attn_T , Attn_S )            Attn: maps of the self-attention (MSA) over h
    L_Feat = MSE( MSA(h_T) , MSA(h_S) )

Both are zero for a constant h. So both sides pass a LayerNorm without affine first - equal ones then cost 0 and
unrelated ones 2, whatever L and d - and ``classify``, a margin softmax over the teacher's class centres on the pooled
MSA(h_S) and MSA(h_T), keeps h telling identities apart.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..align.centres import LocalCentres, SelfAttention, Tokens
from ..align.facial_position import FacialPosition
from ..align.frame import check_stage
from ..config import Choice
from ..errors import UserError
from ..heads.inherited import Inherited
from ..method import AbstractMethod
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
        attention, normalise: compare maps or their product with the values, and whether after a LayerNorm.
        stop_teacher: the student's distance does not move the teacher's side, nor its prompts.
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
        normalise: bool = True,
        stop_teacher: bool = False,
        margin: Choice | str = "cosface",
    ) -> None:
        super().__init__()
        if width % heads:
            raise UserError(f"URFM's width {width} is not divisible by its {heads} heads; change one of them.")
        self.stage = check_stage(student, stage, "student")
        self.teacher_stage = check_stage(teacher, teacher_stage, "teacher")
        self.reads_prompts = self.teacher_stage == len(teacher.stages) - 1
        self.attention, self.normalise, self.stop_teacher = attention, normalise, stop_teacher
        numbers = {"gamma": gamma, "alpha": alpha, "beta": beta, "gamma_p": gamma_p}
        face = (width, teacher, self.teacher_stage)
        position = None if encoding == "none" else FacialPosition(*face, encoding=encoding, **numbers)
        self.student_tokens = Tokens(student, self.stage, width)
        self.teacher_tokens = Tokens(teacher, self.teacher_stage, width)
        self.centres = LocalCentres(centres, width, heads, position, encode)
        self.msa = SelfAttention(width, heads)
        self.identity = Inherited(width, classifier, centres="best", margin=margin)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        if self.training:
            self.centres.observe(teacher.stages[self.teacher_stage])
        (maps_S, context_S, out_S), (maps_T, context_T, out_T) = map(self.msa, self.local_features(student, teacher))
        attn_S, attn_T = (context_S, context_T) if self.attention == "context" else (maps_S, maps_T)
        pooled = torch.cat([out_S.mean(1), out_T.mean(1)])
        return {
            "attention": self._distance(attn_S, attn_T),
            "feature": self._distance(out_S, out_T),
            "classify": self.identity(pooled, batch.labels.repeat(2)),
        }

    def local_features(self, student: Features, teacher: Features) -> tuple[Tensor, Tensor]:
        """h_S and h_T, B L d each."""
        prompts = teacher.extras.get("prompts") if self.reads_prompts else None
        tokens_S = self.student_tokens(student.stages[self.stage])
        tokens_T = self.teacher_tokens(teacher.stages[self.teacher_stage], prompts)
        return self.centres(self.student_tokens, tokens_S), self.centres(self.teacher_tokens, tokens_T)

    def _distance(self, own: Tensor, wanted: Tensor) -> Tensor:
        own, wanted = own.float(), (wanted.detach() if self.stop_teacher else wanted).float()
        if self.normalise:
            own, wanted = _normalised(own), _normalised(wanted)
        return F.mse_loss(own, wanted)


def _normalised(x: Tensor) -> Tensor:
    """LayerNorm without affine, of x times its width: the entries of a map are near 1/L, below LayerNorm's epsilon."""
    return F.layer_norm(x * x.shape[-1], x.shape[-1:])
