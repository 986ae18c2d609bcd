"""The student as one PyTorch module from bytes to the unit embedding, for runtimes that convert from PyTorch itself."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone
from .dress import LEAST_SQUARE


class Whole(nn.Module):
    """What ``dress.dressed`` makes of a graph."""

    def __init__(self, student: AbstractBackbone) -> None:
        super().__init__()
        self.student = student

    def forward(self, rgb: UInt8[Tensor, "B S S 3"]) -> Float[Tensor, "B D"]:
        embedding = self.student(rgb.permute(0, 3, 1, 2)).embedding
        # The only form of a length that every converter we tried takes.
        unit: Tensor = embedding * torch.rsqrt(embedding.square().sum(1, keepdim=True) + LEAST_SQUARE)
        return unit
