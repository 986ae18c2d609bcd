"""Training as eight bits will compute: values are rounded in the forward pass, and gradients pass the rounding.

    q(x) = s (clamp(round(x / s) + z, 0, 255) - z)      dq/dx = [x within range]      maps, one s a tensor
    q(w) = s clamp(round(w / s), -127, 127)             s = max |w| / 127             weights, one s a channel

Jacob et al. Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference. CVPR 2018.
arXiv:1712.05877, eq. 12 and section 3. What is rounded, and together with what, is what ``export/integers.py`` writes:
what convolutions, matrices and sums read; PReLU between bytes of one scale; never what a matrix answers. BatchNorm uses
its running statistics, as it does once it is folded; a factor per channel changes no rounding of one scale per channel.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..backbones.contract import AbstractBackbone
from ..backbones.prelu import prelu

LARGEST_BYTE, LARGEST_WEIGHT = 255, 127

SMALLEST = 1e-12
"""Of a range, so that zeros have a scale."""

MOMENTUM = 0.05
"""By which a range follows the smallest and largest values of a batch, after the first."""


class EightBits(nn.Module):
    """The arithmetic, for as many tensors as a forward pass of one network rounds; ``with self.rounding(): ...``.

    Ranges move in training only. They are buffers, so that a run resumes with its own.
    """

    low: Float[Tensor, " T"]
    high: Float[Tensor, " T"]

    def __init__(self, model: AbstractBackbone) -> None:
        super().__init__()
        tensors = _count(model)
        self.register_buffer("low", torch.zeros(tensors))
        self.register_buffer("high", torch.zeros(tensors))

    def rounding(self) -> TorchFunctionMode:
        return _Rounding(self.rounded)

    def rounded(self, number: int, values: Tensor) -> Callable[[Tensor], Tensor]:
        """What rounds tensor ``number`` of a forward pass, whose values are these."""
        low, high = self._range(number, values.detach())
        step = ((high - low) / LARGEST_BYTE).clamp_min(SMALLEST)
        zero = (-low / step).round().to(torch.int32)
        return lambda x: torch.fake_quantize_per_tensor_affine(x.float(), step, zero, 0, LARGEST_BYTE)

    def _range(self, number: int, values: Tensor) -> tuple[Tensor, Tensor]:
        """Zero is always a byte, because padding is zero."""
        seen = values.min().clamp_max(0).float(), values.max().clamp_min(0).float()
        kept = self.low[number], self.high[number]
        fresh = bool(kept[0] == kept[1])
        if not self.training:
            return seen if fresh else kept
        for end, now in zip(kept, seen, strict=True):
            end.copy_(now) if fresh else end.lerp_(now, MOMENTUM)
        return kept


def _count(model: AbstractBackbone) -> int:
    """How many tensors a forward pass rounds."""
    mode = _Rounding(lambda number, values: lambda x: x)
    size_px = model.preprocess.size_px
    was_training = model.training
    with torch.no_grad():
        parameter = next(model.parameters())
        model.eval()
        with mode:
            model.features(parameter.new_zeros(1, 3, size_px, size_px))
        model.train(was_training)
    return mode.tensors


def rounded_weights(weight: Float[Tensor, "C ..."]) -> Float[Tensor, "C ..."]:
    """With one scale a channel."""
    weight = weight.float()
    largest = weight.detach().flatten(1).abs().amax(1).clamp_min(SMALLEST)
    zeros = torch.zeros_like(largest, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(
        weight, largest / LARGEST_WEIGHT, zeros, 0, -LARGEST_WEIGHT, LARGEST_WEIGHT
    )


class _Rounding(TorchFunctionMode):
    """One forward pass. Tensors are counted in the order in which they are first read."""

    def __init__(self, rounder: Callable[[int, Tensor], Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self._rounder = rounder
        self.tensors = 0
        self._bytes: dict[int, tuple[Tensor, Tensor]] = {}
        """By the identity of a tensor: itself, kept so that no other takes its place, and its rounded values."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        rule = _RULES.get(func)
        return func(*args, **kwargs or {}) if rule is None else rule(self, func, *args, **kwargs or {})

    def read(self, x: Tensor) -> Tensor:
        """The tensor as bytes hold it; the same whoever reads it."""
        if id(x) not in self._bytes:
            self._keep(x, self._next(x)(x))
        return self._bytes[id(x)][1]

    def layer(self, func: Callable[..., Any], input: Tensor, weight: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        answer: Tensor = func(self.read(input), rounded_weights(weight), *args, **kwargs)
        return answer

    def sum(self, func: Callable[..., Any], a: Any, b: Any, **kwargs: Any) -> Any:
        """Of two maps; what is added to one otherwise is no map."""
        maps = isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape and a.ndim > 2
        return func(self.read(a), self.read(b), **kwargs) if maps else func(a, b, **kwargs)

    def prelu(self, func: Callable[..., Any], x: Tensor, slope: Tensor) -> Tensor:
        """One scale for both sides, since their bytes are compared."""
        rounder = self._next(x)
        answer = rounder(func(rounder(x), slope))
        self._keep(answer, answer)
        return answer

    def norm(
        self, func: Callable[..., Any], input: Tensor, mean: Tensor | None, variance: Tensor | None,
        weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False, *args: Any, **kwargs: Any,
    ) -> Tensor:  # fmt: skip
        """BatchNorm that is no longer asked about the batch."""
        answer: Tensor = func(input, mean, variance, weight, bias, training and mean is None, *args, **kwargs)
        return answer

    def _next(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        self.tensors += 1
        return self._rounder(self.tensors - 1, x)

    def _keep(self, x: Tensor, rounded: Tensor) -> None:
        self._bytes[id(x)] = self._bytes[id(rounded)] = (x, rounded)


_RULES: Mapping[Callable[..., Any], Callable[..., Any]] = {
    torch.conv2d: _Rounding.layer,
    F.linear: _Rounding.layer,
    F.batch_norm: _Rounding.norm,
    torch.add: _Rounding.sum,
    torch.Tensor.add: _Rounding.sum,
    torch.prelu: _Rounding.prelu,
    prelu: _Rounding.prelu,
}
