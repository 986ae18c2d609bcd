"""A backbone to be asked, and images to ask it about."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone, AbstractPromptable
from ._ask import generator, name_of, seeded

SETTLING = 4
"""Images whose statistics BatchNorm starts from."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@dataclass(frozen=True)
class BackboneCase:
    build: Callable[[], AbstractBackbone]
    samples: int

    def backbone(self, seed: int = 0) -> AbstractBackbone:
        """A network as if trained a little, in eval mode."""
        with seeded(seed), torch.no_grad():
            backbone = self.build()
            # What starts at 0, or at 1e-6 as LayerScale does, would hide a branch.
            for vector in (parameter for parameter in backbone.parameters() if parameter.dim() == 1):
                vector.add_(0.1 * torch.randn(vector.shape))
            _settle(backbone)
        return backbone.eval()

    def promptable(self) -> AbstractPromptable:
        backbone = self.backbone()
        if not isinstance(backbone, AbstractPromptable):
            raise TypeError(f"{type(backbone).__name__} takes no prompts")
        return backbone

    @property
    def who(self) -> str:
        return name_of(self.build)

    @cached_property
    def size_px(self) -> int:
        return self.backbone().preprocess.size_px

    def images(self, size_px: int | None = None) -> Tensor:
        side = size_px or self.size_px
        return torch.randint(0, 256, (self.samples, 3, side, side), dtype=torch.uint8, generator=generator(1))


def _settle(backbone: AbstractBackbone) -> None:
    """Give BatchNorm the statistics of a batch: with none, a network of a hundred layers overflows in eval mode."""
    norms = {module: module.momentum for module in backbone.modules() if isinstance(module, BATCH_NORMS)}
    side = backbone.preprocess.size_px
    for norm in norms:
        norm.momentum = 1.0
    if norms:
        backbone.train()(torch.randint(0, 256, (SETTLING, 3, side, side), dtype=torch.uint8))
    for norm, momentum in norms.items():
        norm.momentum = momentum
