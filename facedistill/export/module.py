"""The student as one PyTorch module from bytes to the unit embedding, for runtimes that convert from PyTorch itself."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..backbones.contract import Preprocess
from .dress import LEAST_SQUARE


class FromPlanes(nn.Module):
    """What ``dress.dressed`` makes of a graph; ``core`` goes from prepared pixels to the embedding, B D."""

    def __init__(self, preprocess: Preprocess, core: nn.Module) -> None:
        super().__init__()
        self.preprocess, self.core = preprocess, core

    def forward(self, planes: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B D"]:
        embedding = self.core(self.preprocess.from_rgb(planes))
        # The only form of a length that every converter we tried takes.
        unit: Tensor = embedding * torch.rsqrt(embedding.square().sum(1, keepdim=True) + LEAST_SQUARE)
        return unit


class Whole(FromPlanes):
    """The same from bytes as they lie in memory."""

    def forward(self, rgb: UInt8[Tensor, "B S S 3"]) -> Float[Tensor, "B D"]:
        return super().forward(rgb.permute(0, 3, 1, 2).float())
