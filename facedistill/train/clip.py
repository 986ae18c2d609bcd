"""The norm of all gradients, and its limit, the same in every process."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import dist

EPSILON = 1e-6
"""Added to the norm, as ``torch.nn.utils.clip_grad_norm_`` does."""


@torch.no_grad()
def clip(
    trained: Sequence[nn.Parameter], largest: float, apart: AbstractSet[nn.Parameter] = frozenset()
) -> Float[Tensor, ""]:
    """Scale all gradients so that their common norm is ``largest`` at most, and say what it was.

    Args:
        apart: those of ``trained`` of which each process holds another part.
    """
    gradients = {weight: _values(weight) for weight in trained if weight.grad is not None}
    norm = nn.utils.get_total_norm([values for weight, values in gradients.items() if weight not in apart])
    if apart:
        own = nn.utils.get_total_norm([values for weight, values in gradients.items() if weight in apart])
        norm = (norm.square() + dist.all_sum(own.square())).sqrt()
    torch._foreach_mul_(list(gradients.values()), (largest / (norm + EPSILON)).clamp(max=1.0))
    return norm


def _values(weight: nn.Parameter) -> Tensor:
    """The gradient's numbers that are in this process, and not zero by construction."""
    assert weight.grad is not None, "weights without one are left out"
    if not weight.grad.is_sparse:
        return dist.local(weight.grad)
    weight.grad = weight.grad.coalesce()
    return weight.grad.values()
