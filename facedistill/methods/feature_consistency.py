"""Feature consistency: mean squared distance of normalised embeddings. VarGFaceNet: A Lightweight and Efficient
Variable Group Convolutional Neural Network for Lightweight Face Recognition. Yan et al. ICCVW 2019. arXiv:1910.04985

    L = (1/N) Σ_i ‖ ẑ_S,i − ẑ_T,i ‖² = (1/N) Σ_i 2 ( 1 − cos( z_S,i , z_T,i ) )        average: samples
    L = (1/ND) Σ_i ‖ ẑ_S,i − ẑ_T,i ‖²                                                  average: entries

One equation, many schools; they differ in the weight, and in who teaches:

    VarGFaceNet    weight 7; every generation starts from, and is taught by, the one before
    PocketNet      entries, weight 100; the teacher of epoch e is a snapshot of epoch e     (Boutros et al. 2022)
    ReFO           a half-deep proxy student teaches the teacher by this term, then the     (Li et al. CVPR 2023)
                   teacher teaches the student by this term alone, `head: null`
"""

from typing import Literal

from ..align.project import bridge
from ..align.relations import unit
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class FeatureConsistency(AbstractMethod):
    """Term ``embedding``; every sample counts, labelled or not. Needs nothing but the teacher's embedding.

    Args:
        average: over samples, or over their entries as well, which is D times smaller.
    """

    uses = frozenset({"embedding"})

    def __init__(self, student: Spec, teacher: Spec, *, average: Literal["samples", "entries"] = "samples") -> None:
        super().__init__()
        self.projector = bridge(student.embedding, teacher.embedding)
        self.divisor = teacher.embedding if average == "entries" else 1

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = unit(self.projector(student.embedding)), unit(teacher.embedding.detach())
        return {"embedding": (own - wanted).square().sum(1).mean() / self.divisor}
