"""A network that is shown less than its teacher: every image is shrunk and enlarged again before it.

The student of cross-resolution recognition, as in Kong et al. 2019, arXiv:1905.10777: the teacher answers for the same
view at full resolution.
"""

from copy import deepcopy
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..errors import UserError
from ..signature import build
from ..types import Features
from .contract import AbstractBackbone


def low_resolution(*, shown_px: int = 28, backbone: dict[str, Any] | str = "mobilefacenet_1m2") -> AbstractBackbone:
    """Another network, shown images of ``shown_px`` enlarged to its own size.

    Raises:
        UserError: less than one pixel, or more than the network itself takes.
    """
    return _LowResolution(build("backbones", AbstractBackbone, backbone), shown_px)


class _LowResolution(AbstractBackbone):
    def __init__(self, network: AbstractBackbone, shown_px: int) -> None:
        # Its own: ``spec`` puts a module that has two places back at one of them only.
        super().__init__(deepcopy(network.preprocess))
        if not 1 <= shown_px <= network.preprocess.size_px:
            raise UserError(
                f"low_resolution shows 1 to {network.preprocess.size_px} px to this network, not {shown_px}."
            )
        self.network, self.shown_px = network, shown_px

    def features(self, pixels: Float[Tensor, "B 3 S S"]) -> Features:
        seen: Features = self.network.features(self.degraded(pixels))
        return seen

    def degraded(self, pixels: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B 3 S S"]:
        """Means over areas, then linear between them."""
        small = F.interpolate(pixels, size=(self.shown_px, self.shown_px), mode="area")
        return F.interpolate(small, size=pixels.shape[-2:], mode="bilinear", align_corners=False)
