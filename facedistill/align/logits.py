"""Opinions about identities: the student's own head and the teacher's classifier, as logits of one softmax.

Face classifiers are cosines to class centres, trained with a scale s. Class-probability methods want logits, so both
sides are given the same one, without margin:

    z_S,ij = s cos( embedding_S,i , w_S,j )        w_S: the student's own head, which learns beside the method
    z_T,ij = s cos( embedding_T,i , w_T,j )        w_T: the teacher's head where it fits these identities, else the
                                                        normalised class means of its embeddings; frozen
"""

from jaxtyping import Float
from torch import Tensor, nn

from ..teachers.classifier import TeacherClassifier
from ..types import Features
from .cosines import cosines

SCALE = 64.0
"""Of the logits: ArcFace's, CosFace's and AdaFace's own. Only s / temperature matters to a softened softmax."""


class ClassLogits(nn.Module):
    """Student's and teacher's logits over the identities, B K each, in float32; the teacher's without gradient."""

    centres: Tensor

    def __init__(self, classifier: TeacherClassifier, *, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("centres", classifier.best().float())

    def forward(self, student: Features, teacher: Features) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K"]]:
        own, wanted = student.extras["cosines"].float(), cosines(teacher.embedding.detach(), self.centres)
        return self.scale * own, self.scale * wanted
