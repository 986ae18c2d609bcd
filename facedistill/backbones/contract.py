"""What a backbone is: uint8 face crops in, embedding and stages out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..errors import UserError
from ..types import Features, Spec, Stage

Prompts = Mapping[int, Float[Tensor, "T _"]]
"""Prompts by the number of the block they enter, T C each; C is that of the block's stage."""

NO_PROMPTS: Prompts = MappingProxyType({})


class Preprocess(nn.Module):
    """A network's own pixels: size, colour order and scale, (x - mean) / std with x in 0..255.

    ``mean`` and ``std`` are one number or one per channel, in the network's order. They are not in the state dict,
    whose names stay those of the architecture.

    Raises:
        UserError: size_px below 1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        size_px: int = 112,
        *,
        mean: float | Sequence[float] = 127.5,
        std: float | Sequence[float] = 127.5,
        order: Literal["rgb", "bgr"] = "rgb",
    ) -> None:
        super().__init__()
        if size_px < 1:
            raise UserError(f"A network's input is size_px x size_px; size_px must be at least 1, and is {size_px}.")
        self.size_px, self.order = size_px, order
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(-1, 1, 1), persistent=False)

    def forward(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 S S"]:
        return self.from_rgb(images.float())

    def from_rgb(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 S S"]:
        """What ``forward`` makes of images, of pixels in 0..255 that need not be whole numbers."""
        if pixels.shape[-1] != self.size_px or pixels.shape[-2] != self.size_px:
            size = (self.size_px, self.size_px)
            pixels = F.interpolate(pixels, size=size, mode="bilinear", antialias=True, align_corners=False)
        if self.order == "bgr":
            pixels = pixels.flip(1)
        return (pixels - self.mean) / self.std

    @property
    def normalisation(self) -> dict[str, Any]:
        """``mean``, ``std`` and ``order`` as plain values, as files state them."""
        return {"mean": self.mean.flatten().tolist(), "std": self.std.flatten().tolist(), "order": self.order}

    @property
    def words(self) -> str:
        """What happens to a decoded image before the network sees it, for people."""
        mean, std = (_listed(values.flatten().tolist()) for values in (self.mean, self.std))
        return f"{self.size_px} x {self.size_px} px, {self.order.upper()}, (x - {mean}) / {std}"

    def to_rgb(self, pixels: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B 3 S S"]:
        """The way back, but for the size."""
        images = pixels * self.std + self.mean
        return images.flip(1) if self.order == "bgr" else images


def _listed(values: Sequence[float]) -> str:
    listed = [f"{value:g}" for value in values]
    return listed[0] if len(listed) == 1 else f"({', '.join(listed)})"


class AbstractBackbone(nn.Module, ABC):
    """A network that embeds faces and shows what it saw on the way."""

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.preprocess = preprocess

    @abstractmethod
    def features(self, pixels: Float[Tensor, "B 3 S S"]) -> Features:
        """Embedding before normalisation, and every stage as B C H W, from pixels this network prepared."""

    def forward(self, images: UInt8[Tensor, "B 3 H W"]) -> Features:
        return self.features(self.preprocess(images))

    @cached_property
    def spec(self) -> Spec:
        """Widths and grids, measured on tensors that have a shape and no data."""
        state = {name: tensor.to("meta") for name, tensor in [*self.named_parameters(), *self.named_buffers()]}
        size_px = self.preprocess.size_px
        pixels = torch.empty(2, 3, size_px, size_px, device="meta")
        with torch.no_grad():
            seen: Features = torch.func.functional_call(_FeaturesOf(self), _prefixed(state), (pixels,))
        stages = tuple(Stage(map.shape[1], (map.shape[2], map.shape[3])) for map in seen.stages)
        return Spec(seen.embedding.shape[1], stages, size_px)


class _FeaturesOf(nn.Module):
    """Lets ``functional_call`` reach ``features`` instead of ``forward``."""

    def __init__(self, backbone: AbstractBackbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pixels: Tensor) -> Features:
        return self.backbone.features(pixels)


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"backbone.{name}": tensor for name, tensor in state.items()}


@dataclass(frozen=True)
class PromptSlot:
    """A block that prompts can enter."""

    stage: int
    """Its stage; prompts that are not replaced travel on to the stage's end, and never into the next."""
    channels: int


class AbstractPromptable(AbstractBackbone):
    """A Transformer whose blocks take learned tokens beside the image's (visual prompt tuning)."""

    @property
    @abstractmethod
    def prompt_slots(self) -> tuple[PromptSlot, ...]:
        """The blocks that take prompts, in order."""

    @abstractmethod
    def features(self, pixels: Float[Tensor, "B 3 S S"], prompts: Prompts = NO_PROMPTS) -> Features:
        """As every backbone's. ``prompts[i]`` enter slot i and replace whatever prompts have come that far.

        With prompts in the last stage, ``extras["prompts"]`` holds their outputs, B T C. Without any prompts the
        answer is the plain network's, bit for bit.
        """
