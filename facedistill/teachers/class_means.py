"""Class centres of a teacher that ships without a head: normalised means of its embeddings, class by class."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..data.contract import AbstractFaces
from ..data.loader import in_order
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
