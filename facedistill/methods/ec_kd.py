"""EC-KD: Exclusivity-Consistency Regularized Knowledge Distillation for Face Recognition. Wang et al. ECCV 2020; no
arXiv number known to us. Its consistency term:

    L = (1/N) Σ_i e^{d_i} d_i²        d_i = ‖ ẑ_S,i − ẑ_T,i ‖

Hard faces, far from their teacher, weigh more. Embeddings are normalised here, so that e^d stays within e². The
exclusivity of the student's filters is a property of its weights, which a method does not see; it is not part of this.
"""

import torch

from ..align.project import bridge
from ..align.relations import unit
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class ECKD(AbstractMethod):
    """Term ``consistency``; every sample counts, labelled or not."""

    uses = frozenset({"embedding"})

    def __init__(self, student: Spec, teacher: Spec) -> None:
        super().__init__()
        self.projector = bridge(student.embedding, teacher.embedding)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = unit(self.projector(student.embedding)), unit(teacher.embedding.detach())
        squared_B = (own - wanted).square().sum(1)
        # The square root has no finite slope at 0.
        distance_B = squared_B.clamp_min(torch.finfo(torch.float32).eps).sqrt()
        return {"consistency": (distance_B.exp() * squared_B).mean()}
