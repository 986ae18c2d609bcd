"""The student as one PyTorch module from bytes to the unit embedding, for runtimes that convert from PyTorch itself."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..backbones.contract import Preprocess
from .dress import LEAST_SQUARE


class Whole(nn.Module):
    """What ``dress.dressed`` makes of a graph; ``core`` goes from prepared pixels to the embedding, B D."""

    def __init__(self, preprocess: Preprocess, core: nn.Module) -> None:
        super().__init__()
        self.preprocess, self.core = preprocess, core

    def forward(self, rgb: UInt8[Tensor, "B S S 3"]) -> Float[Tensor, "B D"]:
        embedding = self.core(self.preprocess(rgb.permute(0, 3, 1, 2)))
        # The only form of a length that every converter we tried takes.
        unit: Tensor = embedding * torch.rsqrt(embedding.square().sum(1, keepdim=True) + LEAST_SQUARE)
        return unit
