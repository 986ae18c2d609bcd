"""MobileFaceNet, in the two public forms that share the name.

Chen et al., MobileFaceNets, 2018, arXiv 1804.07573, table 1: inverted bottlenecks with PReLU, and instead of average
pooling a depthwise convolution as large as the last map (global depthwise convolution, GDConv), which learns that the
centre of a face tells more than its corners.

The other form is ``mbf`` of insightface's model zoo: twice the channels between the bottlenecks, the same number
inside them. Published figures rarely say which one they mean; the names here carry the number of weights.
"""

from jaxtyping import Float
from torch import Tensor, nn

from ..types import Features
from .contract import AbstractBackbone, Preprocess
from .depthwise import Depthwise
from .prelu import PReLU

WIDTH_BEFORE_GLOBAL = 512


def mobilefacenet_1m2(*, size_px: int = 112, embedding: int = 512) -> AbstractBackbone:
    """The paper's network: 1.20 M weights and 0.22 G multiply-adds at 112 px with an embedding of 512.

    The paper itself counts 0.99 M, with an embedding of 128.
    """
    return _MobileFaceNet(Preprocess(size_px), embedding, width=64)


def mbf_2m1(*, size_px: int = 112, embedding: int = 512) -> AbstractBackbone:
    """insightface's ``mbf``, blocks (1, 4, 6, 2), scale 2: 2.06 M weights and 0.44 G multiply-adds at 112 px."""
    return _MobileFaceNet(Preprocess(size_px), embedding, width=128)


class _MobileFaceNet(AbstractBackbone):
    """Four maps, each half as fine as the one before; the last one has the 512 channels that GDConv reads."""

    def __init__(self, preprocess: Preprocess, embedding: int, *, width: int) -> None:
        super().__init__(preprocess)
        wide = 2 * width
        last = [*_bottlenecks(wide, wide, inside=(512, 256, 256)), _conv(wide, WIDTH_BEFORE_GLOBAL, 1), _prelu(512)]
        self.stages = nn.ModuleList(
            [
                # 64 groups in both forms, as insightface has it: a true depthwise convolution in the paper's.
                nn.Sequential(_conv(3, width, 3, 2), _prelu(width), _conv(width, width, 3, groups=64), _prelu(width)),
                nn.Sequential(*_bottlenecks(width, width, inside=(128,) * 5)),
                nn.Sequential(*_bottlenecks(width, wide, inside=(256,) * 7)),
                nn.Sequential(*last),
            ]
        )
        # Four convolutions of stride 2 round up each time, as one division by 16 does.
        self.head = _GlobalDepthwiseHead(-(-preprocess.size_px // 16), embedding)
        self.apply(_initialise)

    def features(self, pixels: Float[Tensor, "B 3 S S"]) -> Features:
        maps = [pixels]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return Features(self.head(maps[-1]), tuple(maps[1:]))


class _Bottleneck(nn.Module):
    """Widen, depthwise convolution, narrow without activation; a residual where the shape stays."""

    def __init__(self, width_in: int, width: int, inside: int, stride: int) -> None:
        super().__init__()
        self.residual = stride == 1
        self.body = nn.Sequential(
            _conv(width_in, inside, 1),
            _prelu(inside),
            _conv(inside, inside, 3, stride, groups=inside),
            _prelu(inside),
            _conv(inside, width, 1),
        )

    def forward(self, map: Float[Tensor, "B _ _ _"]) -> Float[Tensor, "B _ _ _"]:
        return map + self.body(map) if self.residual else self.body(map)


class _GlobalDepthwiseHead(nn.Module):
    """GDConv over the whole map, then a linear layer; BatchNorm after each, no activation."""

    def __init__(self, grid: int, embedding: int) -> None:
        super().__init__()
        width = WIDTH_BEFORE_GLOBAL
        self.spatial = nn.Sequential(Depthwise(width, width, grid, groups=width, bias=False), nn.BatchNorm2d(width))
        self.linear = nn.Linear(width, embedding, bias=False)
        self.norm = nn.BatchNorm1d(embedding)

    def forward(self, map: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        return self.norm(self.linear(self.spatial(map).flatten(1))).float()


def _bottlenecks(width_in: int, width: int, *, inside: tuple[int, ...]) -> list[nn.Module]:
    """One bottleneck that halves the grid, then those that keep it; ``inside`` has the channels within each."""
    first = _Bottleneck(width_in, width, inside[0], stride=2)
    return [first, *(_Bottleneck(width, width, channels, stride=1) for channels in inside[1:])]


def _conv(width_in: int, width: int, kernel: int, stride: int = 1, *, groups: int = 1) -> nn.Sequential:
    kind = Depthwise if groups > 1 and stride > 1 else nn.Conv2d
    conv = kind(width_in, width, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width))


def _prelu(width: int) -> PReLU:
    """One slope per channel, 0.25 at first."""
    return PReLU(width)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
