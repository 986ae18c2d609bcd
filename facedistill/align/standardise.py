"""Putting two networks' features on one scale before they are compared."""

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from .. import dist

Scale = Literal["batch", "width", "none"]

# Shares of the mean variance: entries that hardly vary are not blown up to noise.
FLOOR = 1e-3
TINY = 1e-12


def standardised(x: Float[Tensor, "B *rest"], scale: Scale) -> Float[Tensor, "B *rest"]:
    """``x`` in float32 on its scale: ``batch`` for every entry over the images, ``width`` for every last axis.

    On either, equal features are 0 apart in mean square and unrelated ones 2. Over the batch, what does not depend on
    the image is 0 in all of them: two constants that agree are no nearer to a teacher that sees something.
    """
    x = x.float()
    if scale == "batch":
        return _over_batch(x)
    # Times its width: the entries of an attention map are near 1/L, below LayerNorm's epsilon.
    return F.layer_norm(x * x.shape[-1], x.shape[-1:]) if scale == "width" else x


def _over_batch(x: Float[Tensor, "B *rest"]) -> Float[Tensor, "B *rest"]:
    everyone = dist.gather(x)
    variance = everyone.var(dim=0, correction=0)
    return (x - everyone.mean(dim=0)) / (variance + FLOOR * variance.mean() + TINY).sqrt()
