"""ViT: a plain Transformer over patches. Dosovitskiy et al. ICLR 2021. arXiv:2010.11929

    z_0  = [ x_1 E; ...; x_N E ] + E_pos                                        (eq. 1, without its class token)
    z'_l = MSA(LN(z_{l-1})) + z_{l-1}                                           (eq. 2)
    z_l  = MLP(LN(z'_l)) + z'_l                                                 (eq. 3)

As face recognisers use it: every place of an aligned face keeps its own weights in the layers that lead to the
embedding (``pool: flatten``), so that no class token is needed. Tensor names are those of insightface's ViT.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import UserError
from ..types import Features
from .contract import NO_PROMPTS, AbstractPromptable, Preprocess, Prompts, PromptSlot
from .transformer import Activation, Attention, Embed, Mlp, Pool, StochasticDepth, growing, initialise, with_prompts

STAGES = 4
"""Maps shown: one at each quarter of the depth, all of one grid."""


def vit(
    *,
    width: int = 192,
    depth: int = 12,
    heads: int = 3,
    patch_px: int = 8,
    size_px: int = 112,
    embedding: int = 512,
    pool: Pool = "flatten",
    drop_path: float = 0.0,
    activation: Activation = "gelu",
    qkv_bias: bool = True,
) -> AbstractPromptable:
    """Any ViT; by default DeiT's tiny.

    Args:
        patch_px: side of a patch; what does not fill a whole one is left out at the right and at the bottom.
        pool: ``flatten`` gives every cell its own weights on the way to the embedding (N·C² of them), ``mean`` shares.
        drop_path: stochastic depth of the last block; the others' grow up to it.

    Raises:
        UserError: a width that the heads do not divide, or an image smaller than a patch.
    """
    if size_px < patch_px:
        raise UserError(f"An image of {size_px} px holds no patch of {patch_px} px; lower patch_px or raise size_px.")
    blocks = [_Block(width, heads, rate, activation, qkv_bias=qkv_bias) for rate in growing(drop_path, depth)]
    return _ViT(Preprocess(size_px), blocks, width, patch_px, embedding, pool)


def vit_t(
    *, size_px: int = 112, patch_px: int = 8, embedding: int = 512, pool: Pool = "flatten", drop_path: float = 0.0
) -> AbstractPromptable:
    """DeiT's tiny (arXiv:2012.12877, table 1): 5.6 M weights, and 7.2 M more where 14 x 14 cells are flattened."""
    return vit(
        width=192,
        depth=12,
        heads=3,
        patch_px=patch_px,
        size_px=size_px,
        embedding=embedding,
        pool=pool,
        drop_path=drop_path,
    )


def vit_s(
    *, size_px: int = 112, patch_px: int = 8, embedding: int = 512, pool: Pool = "flatten", drop_path: float = 0.0
) -> AbstractPromptable:
    """DeiT's small: 21.8 M weights, and 28.8 M more where 14 x 14 cells are flattened."""
    return vit(
        width=384,
        depth=12,
        heads=6,
        patch_px=patch_px,
        size_px=size_px,
        embedding=embedding,
        pool=pool,
        drop_path=drop_path,
    )


def vit_b(
    *, size_px: int = 112, patch_px: int = 8, embedding: int = 512, pool: Pool = "flatten", drop_path: float = 0.0
) -> AbstractPromptable:
    """The base of ViT and DeiT: 86.3 M weights, and 115 M more where 14 x 14 cells are flattened."""
    return vit(
        width=768,
        depth=12,
        heads=12,
        patch_px=patch_px,
        size_px=size_px,
        embedding=embedding,
        pool=pool,
        drop_path=drop_path,
    )


def vit_l(
    *, size_px: int = 112, patch_px: int = 8, embedding: int = 512, pool: Pool = "flatten", drop_path: float = 0.0
) -> AbstractPromptable:
    """ViT's large: 304 M weights, and 204 M more where 14 x 14 cells are flattened."""
    return vit(
        width=1024,
        depth=24,
        heads=16,
        patch_px=patch_px,
        size_px=size_px,
        embedding=embedding,
        pool=pool,
        drop_path=drop_path,
    )


def vit_insightface(
    *, size: Literal["t", "s", "b", "l"] = "b", embedding: int = 512, drop_path: float = 0.05
) -> AbstractPromptable:
    """insightface's ViTs for faces: patches of 9 px, 12 x 12 cells of 112 px, ReLU6, no bias in qkv.

    Their public weights fit once ``mask_token``, which only their training uses, is removed.
    """
    width, depth = {"t": (256, 12), "s": (512, 12), "b": (512, 24), "l": (768, 24)}[size]
    return vit(
        width=width,
        depth=depth,
        heads=8,
        patch_px=9,
        embedding=embedding,
        drop_path=drop_path,
        activation="relu6",
        qkv_bias=False,
    )


class _ViT(AbstractPromptable):
    """Prompts enter any block behind the image's tokens and stay, as its tokens do, to the end or until replaced."""

    def __init__(
        self,
        preprocess: Preprocess,
        blocks: Sequence["_Block"],
        width: int,
        patch_px: int,
        embedding: int,
        pool: Pool,
    ) -> None:
        super().__init__(preprocess)
        self.width, self.side = width, preprocess.size_px // patch_px
        self.ends = sorted({math.ceil(len(blocks) * quarter / STAGES) - 1 for quarter in range(1, STAGES + 1)})
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch_px, stride=patch_px)})
        self.pos_embed = nn.Parameter(torch.empty(1, self.side**2, width))
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        self.feature = Embed(width, self.side**2, embedding, pool=pool, hidden=width)
        self.apply(initialise)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)

    @property
    def prompt_slots(self) -> tuple[PromptSlot, ...]:
        return tuple(PromptSlot(0, self.width) for _ in self.blocks)

    def features(self, pixels: Float[Tensor, "B 3 S S"], prompts: Prompts = NO_PROMPTS) -> Features:
        tokens = self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2) + self.pos_embed
        cells, stages = tokens.shape[1], []
        for number, block in enumerate(self.blocks):
            if number in prompts:
                tokens = with_prompts(tokens[:, :cells], prompts[number])
            tokens = block(tokens)
            if number in self.ends[:-1]:
                stages.append(self._map(tokens[:, :cells]))
        tokens = self.norm(tokens)
        last, outputs = tokens[:, :cells], tokens[:, cells:]
        # Asked of the tokens: to a compiler, prompts that are an empty mapping of this kind are true.
        extras = {"prompts": outputs} if outputs.shape[1] else {}
        return Features(self.feature(last), (*stages, self._map(last)), extras)

    def _map(self, tokens: Float[Tensor, "B N C"]) -> Float[Tensor, "B C H W"]:
        return tokens.transpose(1, 2).unflatten(2, (self.side, self.side))


class _Block(nn.Module):
    """Equations 2 and 3."""

    def __init__(self, width: int, heads: int, drop_path: float, activation: Activation, *, qkv_bias: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, qkv_bias=qkv_bias)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, activation)
        self.drop_path = StochasticDepth(drop_path)

    def forward(self, tokens: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens)))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))
