"""IResNet: a residual network that keeps the full 112 px in its first convolution.

Blocks BN-Conv-BN-PReLU-Conv-BN: Deng et al., ArcFace, 2019, arXiv 1801.07698, section 3.2, "improved residual unit"
after Han et al., arXiv 1610.02915. Tensor names are insightface's, so that its public weights load.
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ..types import Features
from .contract import AbstractBackbone, Preprocess
from .prelu import PReLU

WIDTHS = (64, 128, 256, 512)
LAST_NORM = ("last_norm.", "features.")
"""Prefix of the last normalisation here, where ``features`` is the backbone's method, and in state dicts."""


def iresnet_18(*, size_px: int = 112, embedding: int = 512, dropout: float = 0.0) -> AbstractBackbone:
    """24.0 M weights and 2.6 G multiply-adds at 112 px."""
    return _IResNet(Preprocess(size_px), embedding, blocks=(2, 2, 2, 2), dropout=dropout)


def iresnet_34(*, size_px: int = 112, embedding: int = 512, dropout: float = 0.0) -> AbstractBackbone:
    """34.1 M weights and 4.5 G multiply-adds at 112 px."""
    return _IResNet(Preprocess(size_px), embedding, blocks=(3, 4, 6, 3), dropout=dropout)


def iresnet_50(*, size_px: int = 112, embedding: int = 512, dropout: float = 0.0) -> AbstractBackbone:
    """43.6 M weights and 6.3 G multiply-adds at 112 px."""
    return _IResNet(Preprocess(size_px), embedding, blocks=(3, 4, 14, 3), dropout=dropout)


def iresnet_100(*, size_px: int = 112, embedding: int = 512, dropout: float = 0.0) -> AbstractBackbone:
    """65.2 M weights and 12.1 G multiply-adds at 112 px."""
    return _IResNet(Preprocess(size_px), embedding, blocks=(3, 13, 30, 3), dropout=dropout)


class _IResNet(AbstractBackbone):
    """Four layers, each halving the grid; the last map goes whole into one linear layer."""

    def __init__(
        self, preprocess: Preprocess, embedding: int, *, blocks: tuple[int, int, int, int], dropout: float
    ) -> None:
        super().__init__(preprocess)
        self.conv1 = _conv3x3(3, WIDTHS[0], stride=1)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.prelu = PReLU(WIDTHS[0])
        self.layer1 = _layer(WIDTHS[0], WIDTHS[0], blocks[0])
        self.layer2 = _layer(WIDTHS[0], WIDTHS[1], blocks[1])
        self.layer3 = _layer(WIDTHS[1], WIDTHS[2], blocks[2])
        self.layer4 = _layer(WIDTHS[2], WIDTHS[3], blocks[3])
        self.bn2 = nn.BatchNorm2d(WIDTHS[3])
        self.dropout = nn.Dropout(dropout)
        # Four convolutions of stride 2 round up each time, as one division by 16 does.
        self.fc = nn.Linear(WIDTHS[3] * (-(-preprocess.size_px // 16)) ** 2, embedding)
        self.last_norm = nn.BatchNorm1d(embedding)
        # The length of an embedding carries no identity: only the shift of the last normalisation is learned.
        self.last_norm.weight.requires_grad_(False)
        self.apply(_initialise)
        self.register_state_dict_post_hook(_to_public_names)
        self.register_load_state_dict_pre_hook(_from_public_names)

    def features(self, pixels: Float[Tensor, "B 3 S S"]) -> Features:
        maps = [self.prelu(self.bn1(self.conv1(pixels)))]
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(layer(maps[-1]))
        flat = self.dropout(self.bn2(maps[-1])).flatten(1)
        return Features(self.last_norm(self.fc(flat)).float(), tuple(maps[1:]))


class _Block(nn.Module):
    """BN-Conv-BN-PReLU-Conv-BN beside a shortcut; the second convolution strides, nothing follows the sum."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.conv1 = _conv3x3(width_in, width, stride=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = PReLU(width)
        self.conv2 = _conv3x3(width, width, stride=stride)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(width_in, width) if stride > 1 else nn.Identity()

    def forward(self, map: Float[Tensor, "B _ _ _"]) -> Float[Tensor, "B _ _ _"]:
        inside = self.prelu(self.bn2(self.conv1(self.bn1(map))))
        return self.bn3(self.conv2(inside)) + self.downsample(map)


def _layer(width_in: int, width: int, blocks: int) -> nn.Sequential:
    first = _Block(width_in, width, stride=2)
    return nn.Sequential(first, *(_Block(width, width, stride=1) for _ in range(blocks - 1)))


def _shortcut(width_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width_in, width, 1, stride=2, bias=False), nn.BatchNorm2d(width))


def _conv3x3(width_in: int, width: int, *, stride: int) -> nn.Conv2d:
    return nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.1)  # insightface; the norm after each convolution takes its scale away


def _to_public_names(_module: nn.Module, state: dict[str, Tensor], prefix: str, _metadata: dict[str, Any]) -> None:
    _rename(state, prefix + LAST_NORM[0], prefix + LAST_NORM[1])


def _from_public_names(
    _module: nn.Module,
    state: dict[str, Tensor],
    prefix: str,
    _metadata: dict[str, Any],
    _strict: bool,
    _missing: list[str],
    _unexpected: list[str],
    _errors: list[str],
) -> None:
    _rename(state, prefix + LAST_NORM[1], prefix + LAST_NORM[0])


def _rename(state: dict[str, Tensor], old: str, new: str) -> None:
    for name in [name for name in state if name.startswith(old)]:
        state[new + name.removeprefix(old)] = state.pop(name)
