"""Decoupled Knowledge Distillation. Zhao, Cui, Song, Qiu, Liang. CVPR 2022. arXiv:2203.08679

    p = softmax(z / T)      b = ( p_y , 1 − p_y )      p̂_j = p_j / (1 − p_y), j ≠ y
    L = α T² (1/N) Σ_i KL( b_T,i ‖ b_S,i )  +  β T² (1/N) Σ_i KL( p̂_T,i ‖ p̂_S,i )

Hinton's distance is the first plus (1 − p_T,y) times the second, so a sure teacher hardly says who else it might be;
here that has a weight of its own.
"""

from ..align.labelled import labelled_mean
from ..align.logits import SCALE, ClassLogits, divergence, true_or_not
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Terms


class DKD(AbstractMethod):
    """Terms ``target`` (usual weight α = 1) and ``non_target`` (β = 8 on CIFAR-100, 0.5 on ImageNet).

    Needs labels - the true identity divides the classes, so unlabelled samples are passed over - and a head with a
    classifier. Logits are cosines times ``scale`` on both sides (``align/logits.py``). The authors let both terms grow
    over the first epochs: ``ramp``.

    Args:
        temperature: T; the paper's 4.
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
        own, wanted = (true_or_not(logits, batch.labels) for logits in self.logits(student, teacher))
        target, non_target = (
            self.temperature**2 * labelled_mean(divergence(log_S, log_T), batch.labels)
            for log_S, log_T in zip(own, wanted, strict=True)
        )
        return {"target": target, "non_target": non_target}
