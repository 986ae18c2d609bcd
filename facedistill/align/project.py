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


def channel_bridge(channels: int, wanted: int) -> nn.Module:
    """``bridge`` for the channels of a feature map: the same linear map at every cell."""
    if channels == wanted:
        return nn.Identity()
    convolution = nn.Conv2d(channels, wanted, 1, bias=False)
    nn.init.orthogonal_(convolution.weight)
    return convolution
