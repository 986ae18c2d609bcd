"""ProxylessKD: Direct Knowledge Distillation with Inherited Classifier for Face Recognition. Shi et al. 2020.
arXiv:2011.00265

    L = −(1/N) Σ_i log[ e^{s ψ(θ_i,yi)} / ( e^{s ψ(θ_i,yi)} + Σ_{j≠yi} e^{s cosθ_ij} ) ]

θ_ij is the angle between the student's embedding and the teacher's centre of class j. The loss is the whole training
(``head: null``); the teacher itself is never asked, only its classifier is inherited.
"""

from ..config import Choice
from ..heads.inherited import Centres, Inherited
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Spec, Terms


class ProxylessKD(AbstractMethod):
    """The student's margin softmax over the teacher's class centres; ``heads/inherited.py`` explains the options."""

    def __init__(
        self,
        student: Spec,
        classifier: TeacherClassifier,
        *,
        centres: Centres = "frozen",
        margin: Choice | str = "arcface",
    ) -> None:
        super().__init__()
        self.head = Inherited(student.embedding, classifier, centres=centres, margin=margin)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"inherited": self.head(student.embedding, batch.labels)}
