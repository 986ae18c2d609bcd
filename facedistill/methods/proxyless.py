"""ProxylessKD: Direct Knowledge Distillation with Inherited Classifier for Face Recognition. Shi et al. 2020.
arXiv:2011.00265

    L = −(1/N) Σ_i log[ e^{s ψ(θ_i,yi)} / ( e^{s ψ(θ_i,yi)} + Σ_{j≠yi} e^{s cosθ_ij} ) ]

θ_ij is the angle between the student's embedding and the teacher's centre of class j. The loss is the whole training
(``head: null``); the teacher itself is never asked, only its classifier is inherited.
"""

from ..heads.inherited import Centres, Inherited
from ..method import AbstractMethod
from ..signature import Choice
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Spec, Terms


class ProxylessKD(AbstractMethod):
    """Term ``inherited``: the student's margin softmax over the teacher's class centres.

    Args:
        centres: ``frozen``, the classifier that came with the teacher's weights; ``teacher_means``, the class means of
            its embeddings; ``best``, the former where it fits and else the latter; ``finetune``, that, and trained.
        margin: ψ and s, any margin softmax; ArcFace as in the paper.

    Raises:
        UserError: ``frozen``, and the teacher's weights brought no classifier for these identities.
    """

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
