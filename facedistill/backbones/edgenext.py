"""EdgeNeXt: depthwise convolutions, and one block of attention between channels at the end of each later stage.

Maaz et al., EdgeNeXt, 2022, arXiv 2206.10589. Cross-covariance attention: El-Nouby et al., XCiT, 2021,
arXiv 2106.09681, eq. 5, Q and K with unit columns over the N tokens and a learned temperature τ per head:

    XCA(Q, K, V) = V softmax(Kᵀ Q / τ)

As a face recogniser: George et al., EdgeFace, 2023, arXiv 2307.01838. Tensor names are those of its public weights,
timm's names under ``model.``; the stored ``temperature`` multiplies, so it is 1 / τ.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..types import Features
from .contract import NO_PROMPTS, AbstractPromptable, Preprocess, Prompts, PromptSlot
from .transformer import Mlp, initialise

KERNELS = (3, 5, 7, 9)
"""Depthwise kernels of the four stages, in cells (EdgeNeXt, table 1)."""
SCALES = (2, 2, 3, 4)
"""Groups of channels that the attention block of a stage convolves one after another (EdgeNeXt, section 3)."""
NORM_EPS = 1e-6
LAYER_SCALE = 0.1
"""What a residual branch weighs at first: CaiT's value for up to 18 blocks (arXiv 2103.17239, section 2.1).

EdgeNeXt starts at 1e-6, below the rounding of what the branch is added to: prompts would change nothing at first.
"""


def edgenext_xxs(*, size_px: int = 112, embedding: int = 512) -> AbstractPromptable:
    """EdgeNeXt-XXS, 1.24 M weights; with the public weights this is EdgeFace-XXS."""
    return _EdgeNeXt(Preprocess(size_px), embedding, depths=(2, 2, 6, 2), widths=(24, 48, 88, 168), heads=4)


def edgenext_xs(*, size_px: int = 112, embedding: int = 512) -> AbstractPromptable:
    """EdgeNeXt-XS, 2.24 M weights; with the public weights this is EdgeFace-XS.

    In those weights the last attention block has died in training (temperature 0, residual scale below 1e-4): prompts
    in the last slot do not move the embedding and learn nothing from it. Use the first two, or EdgeFace-XXS.
    """
    return _EdgeNeXt(Preprocess(size_px), embedding, depths=(3, 3, 9, 3), widths=(32, 64, 100, 192), heads=4)


def edgenext_s(*, size_px: int = 112, embedding: int = 512) -> AbstractPromptable:
    """EdgeNeXt-S, 5.44 M weights; EdgeFace-S is this with factorised linear layers."""
    return _EdgeNeXt(Preprocess(size_px), embedding, depths=(3, 3, 9, 3), widths=(48, 96, 160, 304), heads=8)


class _EdgeNeXt(AbstractPromptable):
    """Four stages; prompts enter the attention block that closes each stage but the first."""

    def __init__(
        self, preprocess: Preprocess, embedding: int, *, depths: Sequence[int], widths: Sequence[int], heads: int
    ) -> None:
        super().__init__(preprocess)
        self.widths = tuple(widths)
        self.model = _Trunk(embedding, depths, widths, heads)
        self.apply(initialise)

    @property
    def prompt_slots(self) -> tuple[PromptSlot, ...]:
        return tuple(PromptSlot(stage, width) for stage, width in enumerate(self.widths) if stage > 0)

    def features(self, pixels: Float[Tensor, "B 3 S S"], prompts: Prompts = NO_PROMPTS) -> Features:
        # Layer norm and linear layers read channels last: without this every block would copy its map twice.
        map = self.model.stem(pixels.contiguous(memory_format=torch.channels_last))
        stages = []
        for number, stage in enumerate(self.model.stages):
            map, outputs = stage(map, prompts.get(number - 1))  # stage 0 has no attention and no slot
            stages.append(map)
        extras = {} if outputs is None else {"prompts": outputs}
        return Features(self.model.head(map), tuple(stages), extras)


class _Trunk(nn.Module):
    """The whole network: stem, stages and head under their public names."""

    def __init__(self, embedding: int, depths: Sequence[int], widths: Sequence[int], heads: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), _ChannelNorm(widths[0], NORM_EPS))
        self.stages = nn.ModuleList(
            _Stage(number, depth, widths[max(number - 1, 0)], widths[number], heads)
            for number, depth in enumerate(depths)
        )
        self.head = _Head(widths[-1], embedding)


class _Stage(nn.Module):
    """Halves the grid (but for stage 0), then convolution blocks and, after stage 0, one attention block."""

    def __init__(self, number: int, depth: int, width_in: int, width: int, heads: int) -> None:
        super().__init__()
        halve = [_ChannelNorm(width_in, NORM_EPS), nn.Conv2d(width_in, width, 2, stride=2)]
        self.downsample = nn.Sequential(*halve) if number > 0 else nn.Identity()
        blocks: list[nn.Module] = [_ConvBlock(width, KERNELS[number]) for _ in range(depth)]
        if number > 0:
            # Only the first attention of the network is told where its tokens lie.
            blocks[-1] = _AttentionBlock(width, heads, SCALES[number], position=number == 1)
        self.blocks = nn.ModuleList(blocks)

    def forward(self, map: Tensor, prompts: Tensor | None) -> tuple[Tensor, Tensor | None]:
        map = self.downsample(map)
        for block in self.blocks:
            map, prompts = block(map, prompts)
        return map, prompts


class _ConvBlock(nn.Module):
    """Depthwise convolution, then an MLP on every cell; prompts pass by."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, NORM_EPS)
        self.mlp = Mlp(width)
        self.gamma = nn.Parameter(torch.full((width,), LAYER_SCALE))

    def forward(self, map: Tensor, prompts: Tensor | None) -> tuple[Tensor, Tensor | None]:
        cells = _channels_last(self.conv_dw(map))
        cells = torch.addcmul(_channels_last(map), self.gamma, self.mlp(self.norm(cells)))
        return _channels_first(cells), prompts


class _AttentionBlock(nn.Module):
    """Split depthwise transpose attention: convolutions over groups of channels, XCA, MLP (EdgeNeXt, eq. 1 and 2).

    The residual goes round the whole block, for prompts as for cells.
    """

    def __init__(self, width: int, heads: int, scales: int, *, position: bool) -> None:
        super().__init__()
        group = math.ceil(width / scales)
        self.convs = nn.ModuleList(nn.Conv2d(group, group, 3, padding=1, groups=group) for _ in range(scales - 1))
        self.pos_embd = _FourierPosition(width) if position else None
        self.norm_xca = nn.LayerNorm(width, NORM_EPS)
        self.gamma_xca = nn.Parameter(torch.full((width,), LAYER_SCALE))
        self.xca = _CrossCovarianceAttention(width, heads)
        self.norm = nn.LayerNorm(width, NORM_EPS)
        self.mlp = Mlp(width)
        self.gamma = nn.Parameter(torch.full((width,), LAYER_SCALE))

    def forward(
        self, map: Float[Tensor, "B C H W"], prompts: Float[Tensor, "T C"] | None
    ) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B T C"] | None]:
        shortcut = _with(prompts, _channels_last(map).flatten(1, 2))
        tokens = _with(prompts, _channels_last(self._convolve(map)).flatten(1, 2))
        tokens = torch.addcmul(tokens, self.gamma_xca, self.xca(self.norm_xca(tokens)))
        tokens = torch.addcmul(shortcut, self.gamma, self.mlp(self.norm(tokens)))
        height, width = map.shape[2:]
        cells = tokens[:, : height * width].unflatten(1, (height, width))
        return _channels_first(cells), None if prompts is None else tokens[:, height * width :]

    def _convolve(self, map: Tensor) -> Tensor:
        """Each group of channels also sees what the group before it became; the last group stays as it is."""
        groups = map.chunk(len(self.convs) + 1, dim=1)
        seen = [self.convs[0](groups[0])]
        for conv, group in zip(list(self.convs)[1:], groups[1:-1], strict=True):
            seen.append(conv(seen[-1] + group))
        map = torch.cat([*seen, groups[-1]], dim=1)
        return map if self.pos_embd is None else map + self.pos_embd(map)


class _CrossCovarianceAttention(nn.Module):
    """XCiT, eq. 5: every token counts in the C / heads square matrix that mixes the channels of all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        q, k, v = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 4, 1)  # B heads C/heads N
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        attention = (q @ k.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        return self.proj((attention @ v).permute(0, 3, 1, 2).flatten(2))


class _FourierPosition(nn.Module):
    """Sines and cosines of a cell's row and column, as in DETR (arXiv 2005.12872), projected to the map's width."""

    def __init__(self, width: int, *, waves: int = 16, slowest: float = 10_000.0) -> None:
        super().__init__()
        self.waves, self.slowest = waves, slowest
        self.token_projection = nn.Conv2d(4 * waves, width, 1)

    def forward(self, map: Float[Tensor, "B C H W"]) -> Float[Tensor, "1 C H W"]:
        height, width = map.shape[2:]
        rows = self._code(height, map.device)[:, :, None].expand(-1, -1, width)
        columns = self._code(width, map.device)[:, None, :].expand(-1, height, -1)
        return self.token_projection(torch.cat([rows, columns])[None])

    def _code(self, cells: int, device: torch.device) -> Float[Tensor, "P cells"]:
        place = torch.arange(1, cells + 1, device=device) / (cells + 1e-6) * 2 * math.pi
        period = self.slowest ** (torch.arange(self.waves, device=device) / self.waves)
        angle = place / period[:, None]
        return torch.stack([angle.sin(), angle.cos()], dim=1).flatten(0, 1)


class _ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map."""

    def forward(self, input: Tensor) -> Tensor:
        return _channels_first(super().forward(_channels_last(input)))


class _Head(nn.Module):
    """Mean over the cells, layer norm, linear."""

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, NORM_EPS)
        self.fc = nn.Linear(width, embedding)

    def forward(self, map: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        return self.fc(self.norm(map.mean(dim=(2, 3)))).float()


def _channels_last(map: Tensor) -> Tensor:
    return map.permute(0, 2, 3, 1)


def _channels_first(cells: Tensor) -> Tensor:
    return cells.permute(0, 3, 1, 2)


def _with(prompts: Tensor | None, tokens: Float[Tensor, "B N C"]) -> Tensor:
    """The image's tokens, and the same prompts behind them for every image."""
    if prompts is None:
        return tokens
    return torch.cat([tokens, prompts.expand(len(tokens), -1, -1)], dim=1)
