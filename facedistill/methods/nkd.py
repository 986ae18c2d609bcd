"""From Knowledge Distillation to Self-Knowledge Distillation: A Unified Approach with Normalized Loss and Customized
Soft Labels (NKD). Yang, Zeng, Li, Zhang, Yuan, Li. ICCV 2023. arXiv:2303.13005

    p = softmax(z)      p̂ = softmax over j ≠ y of z_j / λ
    L = −(1/N) Σ_i p_T,y log p_S,y  −  γ λ² (1/N) Σ_i Σ_{j≠y} p̂_T,j log p̂_S,j

The true identity is learned as firmly as the teacher believes in it, the others among themselves, so that both sides
of the second sum are distributions.
"""

from ..align.labelled import labelled_mean
from ..align.logits import SCALE, ClassLogits, true_or_not
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Terms


class NKD(AbstractMethod):
    """Terms ``target`` (usual weight 1) and ``non_target`` (γ = 1.5).

    Needs labels - unlabelled samples are passed over - and a head with a classifier. Logits are cosines times
    ``scale`` on both sides (``align/logits.py``).

    Args:
        temperature: λ, of the other identities; the paper's 1.
        scale: s of the logits.

    Raises:
        UserError: temperature or scale not above 0.
    """

    uses = frozenset({"embedding"})
    asks_student = frozenset({"cosines"})

    def __init__(self, classifier: TeacherClassifier, *, temperature: float = 1.0, scale: float = SCALE) -> None:
        super().__init__()
        self.temperature = temperature
        self.logits = ClassLogits(classifier, scale=scale, temperature=temperature)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        softened = self.logits(student, teacher)
        log_S, log_T = (true_or_not(self.temperature * z, batch.labels)[0][:, 0] for z in softened)
        others_S, others_T = (true_or_not(z, batch.labels)[1] for z in softened)
        target, others = -log_T.exp() * log_S, -(others_T.exp() * others_S).sum(1)
        return {
            "target": labelled_mean(target, batch.labels),
            "non_target": self.temperature**2 * labelled_mean(others, batch.labels),
        }
