"""Where two widths differ: a linear map between them."""

from torch import nn


def bridge(width: int, wanted: int) -> nn.Module:
    """A linear map without bias from ``width`` to ``wanted``, or nothing where they agree.

    Orthogonal at the start, so that angles between embeddings survive it as far as the narrower width allows.
    """
    if width == wanted:
        return nn.Identity()
    linear = nn.Linear(width, wanted, bias=False)
    nn.init.orthogonal_(linear.weight)
    return linear
