"""AdaDistill: Adaptive Knowledge Distillation for Deep Face Recognition. Boutros, Štruc, Damer. ECCV 2024.
arXiv:2407.01332

    α  = clip_[0,1]( cos( z_S , z_T ) cos( w_y , z_T ) )        or clip_[0,1]( cos( z_S , z_T ) )
    w_y ← α w_y + (1 − α) ẑ_T
    L  = −(1/N) Σ_i log[ e^{s ψ(θ_i,yi)} / ( e^{s ψ(θ_i,yi)} + Σ_{j≠yi} e^{s cosθ_ij} ) ]

θ_ij: angle of the student's embedding to centre w_j, after the move. While the student is far from its teacher its
centres are single faces of the teacher, an easy aim; the better it gets, the more they become class means. Arc: ψ of
ArcFace, m = 0.45. Cos: ψ of CosFace, m = 0.35.

Several faces of one person in the whole batch move their centre once, by the means of α and of (1 − α) ẑ_T.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..align.cosines import row_cosines
from ..align.memory import put
from ..align.project import bridge
from ..align.relations import everyone, products, same_identity, unit
from ..heads.margin import MarginHead
from ..method import AbstractMethod
from ..signature import Choice, build
from ..teachers.classifier import TeacherClassifier
from ..types import UNLABELLED, Batch, Features, Spec, Terms


class AdaDistill(AbstractMethod):
    """Term ``margin``, all that trains the student (``head: null``). Unlabelled samples are passed over.

    Centres start at the teacher's class centres; several processes share them.

    Args:
        margin: ψ and s; the two of the paper are ArcFace at 0.45 and CosFace at 0.35, both with s = 64.
        alpha: with the teacher's closeness to the centre (``weighted``, the paper's final form), or without.
    """

    uses = frozenset({"embedding"})

    def __init__(
        self,
        student: Spec,
        classifier: TeacherClassifier,
        *,
        margin: Choice | str = {"arcface": {"margin_rad": 0.45}},  # noqa: B006
        alpha: Literal["weighted", "similarity"] = "weighted",
    ) -> None:
        super().__init__()
        centres = classifier.best()
        self.weighted = alpha == "weighted"
        self.adapter = bridge(student.embedding, centres.shape[1])
        self.softmax: MarginHead = build(
            "heads", MarginHead, margin, embedding=centres.shape[1], identities=classifier.identities
        )
        self.softmax.inherit(centres, "moved")

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own = self.adapter(student.embedding)
        if self.training:
            seen, wanted, labels = (everyone(rows.detach()) for rows in (own, teacher.embedding, batch.labels))
            self._move(seen, wanted, self.softmax.share.here(labels))
        return {"margin": self.softmax(own, batch.labels)}

    @torch.no_grad()
    def _move(self, own: Float[Tensor, "n D"], wanted: Float[Tensor, "n D"], labels: Int[Tensor, " n"]) -> None:
        """Move the centres that are in this process towards the teacher's embeddings of their samples."""
        centres, labelled = self.softmax.centres, labels != UNLABELLED
        before = centres[labels.clamp_min(0)]
        alpha = self._alpha(own, wanted, before)[:, None]
        same = same_identity(labels).float()
        share = same / same.sum(1, keepdim=True).clamp_min(1)
        after = products(share, alpha.T) * before + products(share, ((1 - alpha) * unit(wanted)).T)
        put(centres, labels, after, labelled)

    def _alpha(
        self, own: Float[Tensor, "n D"], wanted: Float[Tensor, "n D"], centres: Float[Tensor, "n D"]
    ) -> Float[Tensor, " n"]:
        alpha = row_cosines(own, wanted)
        if self.weighted:
            alpha = alpha * row_cosines(centres, wanted)
        return alpha.clamp(0, 1)
