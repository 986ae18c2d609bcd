"""Logits over identities: the student's own head and the teacher's classifier, on one scale.

Face classifiers are cosines to class centres, trained with a scale s. Class-probability methods want logits, so both
sides are given the same one, without margin:

    z_S,ij = s cos( embedding_S,i , w_S,j )        w_S: the student's own head, which learns beside the method
    z_T,ij = s cos( embedding_T,i , w_T,j )        w_T: the teacher's head where it fits these identities, else the
                                                        normalised class means of its embeddings; frozen
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..errors import UserError
from ..teachers.classifier import TeacherClassifier
from ..types import Features
from .cosines import cosines

SCALE = 64.0
"""Of the logits: ArcFace's, CosFace's and AdaFace's own."""

NEVER = -1e30
"""A logit without probability: finite, since 0 times infinity is NaN."""


class ClassLogits(nn.Module):
    """Both networks' logits over the identities, softened: z / T, B K each, in float32; the teacher's held.

    Raises:
        UserError: scale or temperature not above 0.
    """

    centres: Tensor

    def __init__(self, classifier: TeacherClassifier, *, scale: float, temperature: float = 1.0) -> None:
        super().__init__()
        self.sharpness = sharpness(scale, temperature)
        self.register_buffer("centres", classifier.best().float())

    def forward(self, student: Features, teacher: Features) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K"]]:
        own, wanted = student.extras["cosines"].float(), cosines(teacher.embedding.detach(), self.centres)
        return self.sharpness * own, self.sharpness * wanted


def sharpness(scale: float, temperature: float) -> float:
    """s / T, which cosines are multiplied by to be softened logits.

    Raises:
        UserError: one of them is not above 0.
    """
    if min(scale, temperature) <= 0:
        raise UserError(f"Scale and temperature must be above 0; they are {scale:g} and {temperature:g}.")
    return scale / temperature


def true_or_not(
    logits: Float[Tensor, "B K"], labels: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "B 2"], Float[Tensor, "B K"]]:
    """The probabilities in two parts: log( p_y, 1 − p_y ), and log p̂, the other identities among themselves.

    p̂ gives the true identity no probability. Both are meaningless for unlabelled samples.
    """
    own = labels.clamp_min(0)[:, None]
    rest = logits.scatter(1, own, NEVER)
    pair = torch.cat([logits.gather(1, own), rest.logsumexp(1, keepdim=True)], dim=1)
    return pair - logits.logsumexp(1, keepdim=True), rest.log_softmax(1)


def divergence(log_own: Float[Tensor, "B K"], log_wanted: Float[Tensor, "B K"]) -> Float[Tensor, " B"]:
    """KL( wanted ‖ own ), sample by sample, from logarithms of probabilities."""
    return F.kl_div(log_own, log_wanted, reduction="none", log_target=True).sum(1)
