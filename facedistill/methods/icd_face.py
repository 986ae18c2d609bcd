"""ICD-Face: Intra-class Compactness Distillation for Face Recognition. Yu et al. ICCV 2023; no arXiv number known to
us. Its distribution term:

    P(n)  ∝ Σ_pairs exp( −50 ( s − n )² )              n in [−1, 1], step 0.001; s: cosine of a positive pair
    L     = KL( P_T ‖ P_S )

A student's faces of one person lie further apart than its teacher's; L makes the two distributions of positive
similarities one. Pairs are each face of the whole batch with the newest 5 faces of its person, kept from the last 200
steps for either network. Its other term, ½ ‖ ẑ_S − ẑ_T ‖², is ``feature_consistency`` at weight 0.5. The constants are
those of an independent adaptation.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..align.logits import NEVER
from ..align.memory import ClassBank
from ..align.relations import directions, everyone
from ..errors import UserError
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import Batch, Features, Spec, Terms


class ICDFace(AbstractMethod):
    """Term ``distribution``, weighted 0.5 and switched on late (a recipe's ramp); 0 for a batch without positive pairs.

    Args:
        places: faces kept for each person.
        valid_steps: how long.
        sharpness: 50; the kernel is 0.1 wide.
        step: between the points n.

    Raises:
        UserError: one of them is not above 0.
    """

    uses = frozenset({"embedding"})
    points: Tensor

    def __init__(
        self,
        student: Spec,
        teacher: Spec,
        classifier: TeacherClassifier,
        *,
        places: int = 5,
        valid_steps: int = 200,
        sharpness: float = 50.0,
        step: float = 0.001,
    ) -> None:
        super().__init__()
        if min(places, valid_steps, sharpness, step) <= 0:
            raise UserError("ICD-Face needs places, valid_steps, sharpness and step above 0.")
        self.sharpness, self.width = sharpness, student.embedding
        self.register_buffer("points", torch.linspace(-1, 1, round(2 / step) + 1), persistent=False)
        self.bank = ClassBank(classifier.identities, places, student.embedding + teacher.embedding, valid_steps)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        labels, both = everyone(batch.labels), directions(student, teacher)
        itself = self.bank.push(torch.cat(both, dim=1), labels) if self.training else torch.full_like(labels, -1)
        places, kept, counts = self.bank.of(labels)
        counts = counts & (places != itself[:, None])
        own, wanted = (
            self._log_density((unit[:, None] * partners).sum(2), counts)
            for unit, partners in zip(both, kept.split([self.width, kept.shape[2] - self.width], dim=2), strict=True)
        )
        return {"distribution": (wanted.exp() * (wanted - own)).sum()}

    def _log_density(self, cosine_nP: Float[Tensor, "n P"], counts: Bool[Tensor, "n P"]) -> Float[Tensor, " points"]:
        """log P at every point; the same whatever the cosines where no pair counts."""
        kernel = -self.sharpness * (cosine_nP[:, :, None] - self.points).square()
        return kernel.masked_fill(~counts[:, :, None], NEVER).flatten(0, 1).logsumexp(0).log_softmax(0)
