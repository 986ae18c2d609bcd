"""Distilling the Knowledge in a Neural Network. Hinton, Vinyals, Dean. NIPS 2014 workshop. arXiv:1503.02531

    L = T² (1/N) Σ_i KL( softmax(z_T,i / T) ‖ softmax(z_S,i / T) )

T² keeps the gradient's size while T changes.
"""

from ..align.logits import SCALE, ClassLogits, divergence
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Terms


class HintonKD(AbstractMethod):
    """Term ``probabilities``: the student's head learns from the teacher who looks like whom.

    Needs a head with a classifier. Logits are cosines times ``scale`` on both sides (``align/logits.py`` says why and
    whose). Beside the margin loss its usual weight is 1, or 19 (0.95 against 0.05) in face comparisons.

    Args:
        temperature: T; 4 is the value of most comparisons.
        scale: s of the logits; only s / T shapes the probabilities.

    Raises:
        UserError: temperature or scale not above 0.
    """

    uses = frozenset({"embedding"})
    asks_student = frozenset({"cosines"})

    def __init__(self, classifier: TeacherClassifier, *, temperature: float = 4.0, scale: float = SCALE) -> None:
        super().__init__()
        self.temperature = temperature
        self.logits = ClassLogits(classifier, scale=scale, temperature=temperature)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = self.logits(student, teacher)
        distance = divergence(own.log_softmax(1), wanted.log_softmax(1))
        return {"probabilities": self.temperature**2 * distance.mean()}
