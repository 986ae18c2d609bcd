"""Teacher's head: It's All in the Head: Representation Knowledge Distillation through Classifier Sharing. Ben-Baruch
et al. 2022. arXiv:2201.06945

    L_embedding     = (1/N) Σ_i ‖ ẑ_S,i − ẑ_T,i ‖²
    L_probabilities = T² (1/N) Σ_i KL( softmax(W_T z_T,i / T) ‖ softmax(W_T z_S,i / T) )

W_T: the teacher's classifier, frozen, over both networks' embeddings; W_T z is s cosθ here, as face classifiers are
trained. Beside the student's own head. The paper sums L_embedding over the batch.

SH-KD, the paper's other half, asks nothing new of a method: train the teacher over the frozen head of a student that
was trained before (``teacher: {live: {weights: runs/student}}``, ``head: inherited``), and distil from the result with
this method or ``feature_consistency``.
"""

from torch import Tensor

from ..align.cosines import cosines
from ..align.logits import SCALE, divergence, sharpness
from ..align.project import bridge
from ..align.relations import unit
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Spec, Terms


class TeacherHeadKD(AbstractMethod):
    """Terms ``embedding`` and ``probabilities``; every sample counts, labelled or not.

    Args:
        temperature: T, 4.
        scale: s of the logits.

    Raises:
        UserError: temperature or scale not above 0.
    """

    uses = frozenset({"embedding"})
    centres: Tensor

    def __init__(
        self, student: Spec, classifier: TeacherClassifier, *, temperature: float = 4.0, scale: float = SCALE
    ) -> None:
        super().__init__()
        self.temperature, self.sharpness = temperature, sharpness(scale, temperature)
        self.register_buffer("centres", classifier.best().float())
        self.projector = bridge(student.embedding, self.centres.shape[1])

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = self.projector(student.embedding), teacher.embedding.detach()
        log_own, log_wanted = ((self.sharpness * cosines(each, self.centres)).log_softmax(1) for each in (own, wanted))
        return {
            "embedding": (unit(own) - unit(wanted)).square().sum(1).mean(),
            "probabilities": self.temperature**2 * divergence(log_own, log_wanted).mean(),
        }
