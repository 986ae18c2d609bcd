"""Families of timm (the extra ``timm``), tapped by their own ``forward_intermediates``.

Weights are drawn or come from a file; nothing is downloaded.
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ..errors import UserError
from ..types import Features
from .contract import AbstractBackbone, Preprocess


def timm(
    *,
    model: str = "mobilenetv4_conv_small",
    size_px: int = 112,
    embedding: int = 512,
    stages: int | list[int] = 4,
    options: dict[str, Any] | None = None,
) -> AbstractBackbone:
    """A network of timm with a linear layer and BatchNorm to the embedding; pixels are scaled as timm says.

    Args:
        model: timm's name.
        stages: which of its maps to show: the last so many, or their numbers.
        options: further arguments of ``timm.create_model``; ViT and Swin need ``{img_size: 112, patch_size: 8}``.

    Raises:
        UserError: timm is not installed or cannot be imported, or does not know the model or its options.
    """
    network = _created(model, options or {})
    mean, std = (tuple(255 * value for value in network.pretrained_cfg[key]) for key in ("mean", "std"))
    return _Timm(Preprocess(size_px, mean=mean, std=std), network, embedding, stages)


class _Timm(AbstractBackbone):
    def __init__(self, preprocess: Preprocess, network: Any, embedding: int, stages: int | list[int]) -> None:
        super().__init__(preprocess)
        self.network: Any = network
        self.indices = stages
        self.embed = nn.Sequential(
            nn.Linear(network.head_hidden_size, embedding, bias=False), nn.BatchNorm1d(embedding)
        )

    def features(self, pixels: Float[Tensor, "B 3 S S"]) -> Features:
        last, stages = self.network.forward_intermediates(pixels, indices=self.indices, norm=True, output_fmt="NCHW")
        pooled = self.network.forward_head(last, pre_logits=True)
        return Features(self.embed(pooled).float(), tuple(stages))


def _created(model: str, options: dict[str, Any]) -> Any:
    """timm's network; ``Any``, since timm need not be installed."""
    try:
        from timm import create_model
    except ModuleNotFoundError:
        raise UserError("Backbone 'timm' needs timm; install it with: pip install 'facedistill[timm]'") from None
    except RuntimeError as error:
        raise UserError(
            f"timm cannot be imported: {error}; timm needs a torchvision built for the torch that is installed."
        ) from None
    try:
        return create_model(model, pretrained=False, num_classes=0, **options)
    except (RuntimeError, TypeError) as error:
        raise UserError(f"timm cannot make '{model}' with options {options}: {error}.") from None
