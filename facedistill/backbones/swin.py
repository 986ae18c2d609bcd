"""Swin: a Transformer whose windows shift and whose maps shrink. Liu et al. ICCV 2021. arXiv:2103.14030

    ẑ_l = (S)W-MSA(LN(z_{l-1})) + z_{l-1};   z_l = MLP(LN(ẑ_l)) + ẑ_l                        (eq. 3)

S: windows are shifted in every other block. For crops of 112 px patches are 2 px wide instead of 4: the maps keep
the paper's grids of 56, 28, 14 and 7 cells, and windows of 7 fill them. The layers to the embedding are those of
FaceX-Zoo's face recognisers. Tensor names are those of the paper's public code, but for those layers.
"""

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import UserError
from ..types import Features
from .contract import NO_PROMPTS, AbstractPromptable, Preprocess, Prompts, PromptSlot
from .transformer import Embed, Mlp, Pool, StochasticDepth, growing, initialise, with_prompts
from .window_attention import WindowAttention


def swin(
    *,
    width: int = 48,
    depths: tuple[int, ...] = (2, 2, 6, 2),
    heads: tuple[int, ...] = (3, 6, 12, 24),
    patch_px: int = 2,
    window: int = 7,
    size_px: int = 112,
    embedding: int = 512,
    pool: Pool = "flatten",
    drop_path: float = 0.0,
) -> AbstractPromptable:
    """Any Swin; by default Swin-T at half its width.

    Args:
        width: channels of the first stage; every stage doubles them.
        depths, heads: blocks and heads of each stage.
        window: side of a window, in cells.
        pool: ``flatten`` gives every last cell its own weights on the way to the embedding, ``mean`` shares them.
        drop_path: stochastic depth of the last block; the others' grow up to it.

    Raises:
        UserError: another number of depths than of heads, heads that do not divide the
            width, a patch larger than the image.
    """
    if len(depths) != len(heads):
        raise UserError(f"Swin needs depths and heads of as many stages; it has {len(depths)} and {len(heads)}.")
    if size_px < patch_px:
        raise UserError(f"An image of {size_px} px holds no patch of {patch_px} px; lower patch_px or raise size_px.")
    rates, last = growing(drop_path, sum(depths)), len(depths) - 1
    stages, side = [], size_px // patch_px
    for number, (depth, count) in enumerate(zip(depths, heads, strict=True)):
        first = sum(depths[:number])
        form = (first, width * 2**number, count, rates[first : first + depth])
        stages.append(_Stage(*form, side=side, window=window, merges=number < last))
        side = (side + 1) // 2
    return _Swin(Preprocess(size_px), stages, patch_px, embedding, pool)


def swin_t(
    *, size_px: int = 112, patch_px: int = 2, embedding: int = 512, pool: Pool = "flatten", drop_path: float = 0.0
) -> AbstractPromptable:
    """Swin-T: 27.9 M weights, and 18.9 M more where 7 x 7 cells are flattened."""
    return swin(width=96, patch_px=patch_px, size_px=size_px, embedding=embedding, pool=pool, drop_path=drop_path)


def swin_s(
    *, size_px: int = 112, patch_px: int = 2, embedding: int = 512, pool: Pool = "flatten", drop_path: float = 0.0
) -> AbstractPromptable:
    """Swin-S: 49.2 M weights, and 18.9 M more where 7 x 7 cells are flattened. FaceX-Zoo's takes 224 px."""
    return swin(
        width=96,
        depths=(2, 2, 18, 2),
        patch_px=patch_px,
        size_px=size_px,
        embedding=embedding,
        pool=pool,
        drop_path=drop_path,
    )


def swin_b(
    *, size_px: int = 112, patch_px: int = 2, embedding: int = 512, pool: Pool = "flatten", drop_path: float = 0.0
) -> AbstractPromptable:
    """Swin-B: 87.3 M weights, and 25.2 M more where 7 x 7 cells are flattened."""
    return swin(
        width=128,
        depths=(2, 2, 18, 2),
        heads=(4, 8, 16, 32),
        patch_px=patch_px,
        size_px=size_px,
        embedding=embedding,
        pool=pool,
        drop_path=drop_path,
    )


class _Swin(AbstractPromptable):
    """Prompts enter any block and join all its windows; they end with their stage, since merging leaves them out."""

    def __init__(
        self, preprocess: Preprocess, stages: Sequence["_Stage"], patch_px: int, embedding: int, pool: Pool
    ) -> None:
        super().__init__(preprocess)
        first, last = stages[0], stages[-1]
        patches = {"proj": nn.Conv2d(3, first.width, patch_px, stride=patch_px), "norm": nn.LayerNorm(first.width)}
        self.patch_embed = nn.ModuleDict(patches)
        self.layers = nn.ModuleList(stages)
        self.slots = tuple(PromptSlot(i, stage.width) for i, stage in enumerate(stages) for _ in stage.blocks)
        self.norm = nn.LayerNorm(last.width)
        self.feature = Embed(last.width, last.side**2, embedding, pool=pool)
        self.apply(initialise)

    @property
    def prompt_slots(self) -> tuple[PromptSlot, ...]:
        return self.slots

    def features(self, pixels: Float[Tensor, "B 3 S S"], prompts: Prompts = NO_PROMPTS) -> Features:
        cells = self.patch_embed["norm"](self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2))
        stages = []
        for stage in self.layers:
            last, outputs, cells = stage(cells, prompts)
            stages.append(_map(last))
        last = self.norm(last)
        extras = {} if outputs is None else {"prompts": self.norm(outputs)}
        return Features(self.feature(last), (*stages[:-1], _map(last)), extras)


class _Stage(nn.Module):
    """Blocks over one grid, and the merging that leads to the next.

    Args:
        first: slot of its first block.
        rates: stochastic depth of each block.
        side: of its map, in cells.
        merges: whether another stage follows.
    """

    def __init__(
        self, first: int, width: int, heads: int, rates: Sequence[float], *, side: int, window: int, merges: bool
    ) -> None:
        super().__init__()
        self.first, self.width, self.side = first, width, side
        self.blocks = nn.ModuleList(
            _Block(width, heads, rate, side=side, window=window, shifted=number % 2 == 1)
            for number, rate in enumerate(rates)
        )
        self.downsample = _PatchMerging(width) if merges else nn.Identity()

    def forward(
        self, cells: Float[Tensor, "B N C"], prompts: Mapping[int, Tensor]
    ) -> tuple[Float[Tensor, "B N C"], Float[Tensor, "B T C"] | None, Float[Tensor, "B M E"]]:
        """The stage's cells, its prompts' outputs where any entered, and the cells of the next stage."""
        tokens, count = cells, cells.shape[1]
        for slot, block in enumerate(self.blocks, self.first):
            if slot in prompts:
                tokens = with_prompts(tokens[:, :count], prompts[slot])
            tokens = block(tokens)
        cells, outputs = tokens[:, :count], tokens[:, count:] if tokens.shape[1] > count else None
        return cells, outputs, self.downsample(cells)


class _Block(nn.Module):
    """Equation 3."""

    def __init__(self, width: int, heads: int, drop_path: float, *, side: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, side=side, window=window, shifted=shifted)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)
        self.drop_path = StochasticDepth(drop_path)

    def forward(self, tokens: Float[Tensor, "B M C"]) -> Float[Tensor, "B M C"]:
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens)))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class _PatchMerging(nn.Module):
    """Four neighbours become one cell of twice the channels; an odd map is padded at the right and at the bottom."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, cells: Float[Tensor, "B N C"]) -> Float[Tensor, "B M E"]:
        side = math.isqrt(cells.shape[1])
        map = F.pad(cells.unflatten(1, (side, side)), (0, 0, 0, side % 2, 0, side % 2))
        # The order of the public weights: down the first column, then down the second.
        four = torch.cat([map[:, row::2, column::2] for column in (0, 1) for row in (0, 1)], dim=-1)
        return self.reduction(self.norm(four)).flatten(1, 2)


def _map(cells: Float[Tensor, "B N C"]) -> Float[Tensor, "B C H W"]:
    side = math.isqrt(cells.shape[1])
    return cells.transpose(1, 2).unflatten(2, (side, side))
