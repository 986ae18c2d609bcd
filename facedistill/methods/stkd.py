"""STKD: Similarity Transfer for Knowledge Distillation. Zhao et al. 2021. arXiv:2103.10047

    x̃ = λ x_i + (1 − λ) x_j                              λ ~ Beta(a, a), mixed where images are made, without a label
    L_probabilities = T² (1/N) Σ KL( p_T(x̃; T) ‖ p_S(x̃; T) )
    L_embedding     = (1/N) Σ ( 1 − cos( z_S(x̃) , z_T(x̃) ) )

What a mixed face has in common with either person, the teacher says, and the student repeats. Margins are for faces
that are somebody's: mixed ones are ``UNLABELLED``, and the head passes them over. L_embedding is the face form, which
needs no classes.
"""

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from ..align.cosines import row_cosines
from ..align.labelled import labelled_mean
from ..align.logits import SCALE, ClassLogits, divergence
from ..align.project import bridge
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import UNLABELLED, Batch, Features, Spec, Terms


class STKD(AbstractMethod):
    """Terms ``probabilities`` and ``embedding``. Needs a head with a classifier, and mixed images to be of use.

    Args:
        samples: whom it teaches: ``all``, or the ``unlabelled`` alone, mixed images among them.
        temperature: T.
        scale: s of the logits.

    Raises:
        UserError: temperature or scale not above 0.
    """

    uses = frozenset({"embedding"})
    asks_student = frozenset({"cosines"})

    def __init__(
        self,
        student: Spec,
        teacher: Spec,
        classifier: TeacherClassifier,
        *,
        samples: Literal["all", "unlabelled"] = "all",
        temperature: float = 4.0,
        scale: float = SCALE,
    ) -> None:
        super().__init__()
        self.samples, self.temperature = samples, temperature
        self.logits = ClassLogits(classifier, scale=scale, temperature=temperature)
        self.projector = bridge(student.embedding, teacher.embedding)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = (logits.log_softmax(1) for logits in self.logits(student, teacher))
        cosine = row_cosines(self.projector(student.embedding), teacher.embedding.detach())
        taught = self._taught(batch.labels)
        return {
            "probabilities": self.temperature**2 * labelled_mean(divergence(own, wanted), taught),
            "embedding": labelled_mean(1 - cosine, taught),
        }

    def _taught(self, labels: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """``UNLABELLED`` for whom it does not teach."""
        return torch.where((labels != UNLABELLED) & (self.samples == "unlabelled"), UNLABELLED, 0)
