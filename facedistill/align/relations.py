"""Relations among the samples of the whole batch, whichever processes hold them.

Every process computes the relations of all rows; ``dist.gather`` makes the gradient that of one process. Rows of the
student and of the teacher may differ in width: relations are n n either way.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from .. import dist
from ..types import UNLABELLED, Features
from .cosines import SHORTEST


def unit(rows: Float[Tensor, "n D"]) -> Float[Tensor, "n D"]:
    """Rows of length 1 in float32; the nearly zero ones stay short, so that their gradient is finite."""
    return F.normalize(rows.float(), eps=SHORTEST)


def everyone(rows: Shaped[Tensor, "B ..."]) -> Shaped[Tensor, "n ..."]:
    """The rows of all processes; floats as float32."""
    return dist.gather(rows.float() if rows.is_floating_point() else rows)


def embeddings(student: Features, teacher: Features) -> tuple[Float[Tensor, "n D"], Float[Tensor, "n E"]]:
    """Embeddings of the whole batch as they came, the teacher's without gradient."""
    return everyone(student.embedding), everyone(teacher.embedding.detach())


def directions(student: Features, teacher: Features) -> tuple[Float[Tensor, "n D"], Float[Tensor, "n E"]]:
    """Embeddings of the whole batch as unit rows, the teacher's without gradient."""
    own, wanted = embeddings(student, teacher)
    return unit(own), unit(wanted)


def products(rows: Float[Tensor, "n D"], others: Float[Tensor, "m D"] | None = None) -> Float[Tensor, "n m"]:
    """Inner products with ``others``, or among the rows; float32 whatever the autocast."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows.float() @ (rows if others is None else others).float().T


def distances(rows: Float[Tensor, "n D"]) -> Float[Tensor, "n n"]:
    """Euclidean; equal rows are 0 apart and get no gradient from each other.

    By differences: through products, rows closer than 1e-3 would be any distance apart.
    """
    with torch.autocast(rows.device.type, enabled=False):
        return torch.cdist(rows.float(), rows.float(), compute_mode="donot_use_mm_for_euclid_dist")


def others(relation: Shaped[Tensor, "n n"]) -> Shaped[Tensor, "n m"]:
    """Every row without its own sample, m = n - 1, in order."""
    n = len(relation)
    return relation.flatten()[1:].reshape(n - 1, n + 1)[:, :-1].reshape(n, n - 1)


def same_identity(labels: Int[Tensor, " n"], to: Int[Tensor, " m"] | None = None) -> Bool[Tensor, "n m"]:
    """Whether two samples are known to show one person; the diagonal is included, unlabelled samples match nobody."""
    to = labels if to is None else to
    return (labels[:, None] == to) & (labels != UNLABELLED)[:, None]
