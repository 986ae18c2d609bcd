"""Knowledge Distillation from A Stronger Teacher (DIST). Huang, You, Wang, Qian, Xu. NeurIPS 2022. arXiv:2205.10536

    Y = softmax(z / τ), B K        ρ: Pearson's correlation
    L_inter = τ² ( 1 − (1/B) Σ_i ρ( Y_S,i: , Y_T,i: ) )          what a sample looks like
    L_intra = τ² ( 1 − (1/K) Σ_j ρ( Y_S,:j , Y_T,:j ) )          which samples look like an identity

Correlations ask for the teacher's order and proportions, not for its probabilities, which a student much smaller than
its teacher cannot have.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..align.logits import SCALE, ClassLogits
from ..align.relations import everyone
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Terms


class DIST(AbstractMethod):
    """Terms ``inter`` and ``intra``; usual weights 1 and 1, or 2 and 2 with τ = 4 on CIFAR-100.

    Needs a head with a classifier; labelled or not, all samples take part. Logits are cosines times ``scale`` on both
    sides (``align/logits.py``). ``intra`` gathers the probabilities of all processes: n K numbers.

    Args:
        temperature: τ; the authors' 1.
        scale: s of the logits; only s / τ shapes the probabilities.

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
        own, wanted = (logits.softmax(1) for logits in self.logits(student, teacher))
        distances = {"inter": (own, wanted), "intra": (everyone(own).T, everyone(wanted).T)}
        return {name: self.temperature**2 * (1 - correlation(*pair).mean()) for name, pair in distances.items()}


def correlation(own: Float[Tensor, "R M"], wanted: Float[Tensor, "R M"]) -> Float[Tensor, " R"]:
    """Pearson's, row by row; 0 for a row that is constant."""
    return F.cosine_similarity(_deviations(own), _deviations(wanted))


def _deviations(rows: Float[Tensor, "R M"]) -> Float[Tensor, "R M"]:
    """From the mean, the largest as 1: at a face classifier's scale most probabilities are below any epsilon."""
    apart = rows - rows.mean(1, keepdim=True)
    return apart / apart.detach().abs().amax(1, keepdim=True).clamp_min(1e-30)
