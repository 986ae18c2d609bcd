"""Class centres of a teacher that ships without a head: normalised means of its embeddings, class by class."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..data.contract import AbstractFaces
from ..data.loader import in_order
from ..progress import Display
from .contract import AbstractTeacher

Progress = Callable[[int, int], None]


@torch.no_grad()
def class_means(
    teacher: AbstractTeacher, faces: AbstractFaces, *, device: torch.device, batch: int = 128, progress: Progress
) -> Float[Tensor, "K D"]:
    """Mean over each identity's crops of the unit embedding of crop and mirrored crop, normalised again.

    Unlabelled faces are passed over. ``progress`` is told how many of all crops are done.
    """
    sums = torch.zeros(len(faces.identities), teacher.spec.embedding, device=device)
    done = 0
    for images, about in in_order(faces, batch=batch):
        images, labels = images.to(device), about.labels.to(device)
        both = teacher.reference(images) + teacher.reference(images.flip(-1))
        labelled = labels >= 0
        sums.index_add_(0, labels[labelled], F.normalize(both[labelled].float()))
        done += len(images)
        progress(done, len(faces))
    return F.normalize(sums)


class ClassMeans:
    """``class_means``, made when first asked for and once only; those that the teacher has kept, where it has."""

    def __init__(self, teacher: AbstractTeacher, faces: AbstractFaces, device: torch.device) -> None:
        self._teacher, self._faces, self._device = teacher, faces, device
        self.made: Float[Tensor, "K D"] | None = None
        """None as long as nobody has asked."""

    def __call__(self) -> Float[Tensor, "K D"]:
        if self.made is None:
            self.made = self._teacher.kept_means()
        if self.made is None:
            with Display(len(self._faces), title="teacher's class means") as display:
                self.made = class_means(
                    self._teacher, self._faces, device=self._device, progress=lambda done, _: display.advance(done)
                )
        return self.made
