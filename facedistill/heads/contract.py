"""What a head is: embeddings and identities in, one loss out."""

from abc import ABC, abstractmethod

from jaxtyping import Float, Int
from torch import Tensor, nn


class AbstractHead(nn.Module, ABC):
    """A classifier over identities.

    The constructor takes what it must know by position - any of ``embedding: int``, ``identities: int`` and
    ``classifier: TeacherClassifier`` - and every number of its recipe by keyword.
    """

    @abstractmethod
    def forward(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        """Mean loss over the labelled samples (``UNLABELLED`` ones are passed over; none labelled gives 0)."""

    def class_centres(self) -> Float[Tensor, "K D"] | None:
        """The classifier, for whoever inherits it once this network teaches; None where there is none.

        Every process that shares it must call it.
        """
        return None

    def cosines(self, embedding: Float[Tensor, "B D"]) -> Float[Tensor, "B K"] | None:
        """Cosines to all class centres, without margin or scale; None where there is no classifier."""
        return None
