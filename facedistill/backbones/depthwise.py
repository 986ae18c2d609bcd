"""A depthwise convolution that bfloat16 does not slow down while training on a CPU.

oneDNN has no vectorised gradient for bfloat16 images of strided depthwise convolutions, nor for the weights of kernels
as large as the map, and falls back to plain loops: forty times a float32 gradient's time, and most of a MobileFaceNet
step under autocast.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Depthwise(nn.Conv2d):
    """``nn.Conv2d``, computed in float32 where autocast asks a CPU for bfloat16 and gradients will be wanted.

    Everywhere else it is the plain convolution, bit for bit.
    """

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B _ _ _"]:
        if not (input.is_cpu and torch.is_autocast_enabled("cpu") and torch.is_grad_enabled()):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(torch.get_autocast_dtype("cpu"))
