"""The teacher's classifier: one centre per identity, from its own head or from the means of its embeddings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import UserError


@dataclass(frozen=True)
class PartedHead:
    """The classifiers of several networks as one."""

    centres: Float[Tensor, "K D"]
    """Each row is 0 but for its own network's part."""
    identities: tuple[str, ...]
    """Whose they are."""
    subsets: Int[Tensor, " K"]
    """Which of the networks knows each."""

    def ordered(self, identities: Sequence[str]) -> "PartedHead":
        """The same, in the order of a training set.

        Raises:
            UserError: its people are others.
        """
        place = {name: number for number, name in enumerate(self.identities)}
        apart = sorted(set(identities) ^ place.keys())
        if apart:
            raise UserError(
                f"The specialists know {len(place)} identities and the training set has {len(identities)}; they differ "
                f"in {len(apart)}, such as '{apart[0]}': train a specialist for every part of this set (`data.part`)."
            )
        order = [place[name] for name in identities]
        return PartedHead(self.centres[order], tuple(identities), self.subsets[order])


@dataclass(frozen=True)
class TeacherClassifier:
    """Class centres of the teacher, unit rows, K D, fetched only when somebody asks for them."""

    identities: int
    head_centres: Tensor | None
    """What the teacher's weights brought, if anything."""
    class_means: Callable[[], Tensor]
    """Means over the training set of the teacher's normalised embeddings; costs one pass, made once."""
    subsets: Int[Tensor, " K"] | None = None
    """Which of several specialists knows each identity; None for a teacher that is one network."""

    def from_head(self) -> Float[Tensor, "K D"]:
        """The teacher's own classifier.

        Raises:
            UserError: the weights brought none, or one for other identities.
        """
        if self.head_centres is None:
            raise UserError(
                "The teacher's weights bring no classifier; use `centres: teacher_means`, the normalised means of "
                "its embeddings over the training set, or as weights the folder of a run that was trained here on "
                "this set, whose classifier lies beside them."
            )
        if len(self.head_centres) != self.identities:
            raise UserError(
                f"The teacher's classifier knows {len(self.head_centres)} identities and the training set has "
                f"{self.identities}; use `centres: teacher_means`, or train on the teacher's own set."
            )
        return F.normalize(self.head_centres.detach())

    def from_means(self) -> Float[Tensor, "K D"]:
        """Normalised class means of the teacher's embeddings (methods without a public head; ProxylessKD 2.3)."""
        return F.normalize(self.class_means().detach())

    def best(self) -> Float[Tensor, "K D"]:
        """The teacher's own classifier where it fits these identities, else the means."""
        fits = self.head_centres is not None and len(self.head_centres) == self.identities
        return self.from_head() if fits else self.from_means()
