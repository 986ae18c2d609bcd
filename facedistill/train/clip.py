"""The norm of all gradients, and its limit, the same in every process."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import dist


@torch.no_grad()
def clip(
    trained: Sequence[nn.Parameter], largest: float, apart: AbstractSet[nn.Parameter] = frozenset()
) -> Float[Tensor, ""]:
    """Scale all gradients so that their common norm is ``largest`` at most, and say what it was.

    Args:
        apart: those of ``trained`` of which each process holds another part.
    """
    common = [_values(weight) for weight in trained if weight.grad is not None and weight not in apart]
    norm = nn.utils.get_total_norm(common)
    if apart:
        own = nn.utils.get_total_norm([_values(weight) for weight in apart if weight.grad is not None])
        norm = (norm.square() + dist.all_sum(own.square())).sqrt()
    nn.utils.clip_grads_with_norm_([weight for weight in trained if weight.grad is not None], largest, norm)
    return norm


def _values(weight: nn.Parameter) -> Tensor:
    """The gradient's numbers that are not zero by construction."""
    assert weight.grad is not None, "weights without one are left out"
    if not weight.grad.is_sparse:
        return weight.grad
    weight.grad = weight.grad.coalesce()
    return weight.grad.values()
