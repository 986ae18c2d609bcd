"""Local centres: learned queries that read the same L local features from any number of tokens (CAKD's unified
receptive-field mapping, Zhao et al. ACM MM 2023, arXiv:2306.14662).

    e_ij = (c_i W_q + b_i) (f_j W_k)^T / sqrt(d)        A = softmax_j(e_ij)        h = LayerNorm( c + A (f W_v) )

Shared by the networks that read: centres c, W_q and the positional code b, else "unified" has no meaning. A network's
own: the way in, W_k, W_v and the last LayerNorm.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import UserError
from ..types import Spec
from .facial_position import FacialPosition
from .frame import cell_centres, square_grid


class Tokens(nn.Module):
    """One network's features as tokens of the common width, with their keys and values.

    Keys have no bias: a softmax over keys cannot see one.
    """

    cells: Tensor
    """N 2, where the cells lie on the face."""

    def __init__(self, spec: Spec, stage: int, width: int) -> None:
        super().__init__()
        self.register_buffer("cells", cell_centres(spec, stage), persistent=False)
        self.enter = nn.Sequential(nn.Linear(spec.stages[stage].channels, width), nn.LayerNorm(width))
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.leave = nn.LayerNorm(width)

    def forward(
        self, stage: Float[Tensor, "B C H W"], prompts: Float[Tensor, "B T C"] | None = None
    ) -> Float[Tensor, "B N d"]:
        """The cells row by row, then the prompts."""
        cells = stage.flatten(2).transpose(1, 2)
        seen = cells if prompts is None else torch.cat([cells, prompts.to(cells.dtype)], dim=1)
        tokens: Tensor = self.enter(seen.float())
        return tokens


class LocalCentres(nn.Module):
    """The learned queries.

    Args:
        count: L, a square number where ``encode`` is ``query``: the centres then lie on a grid over the crop.
        position: code of a point of the face, if any.
        encode: whether the centres carry it, or the tokens at their own cells (prompts, which lie nowhere, a zero).

    Raises:
        UserError: width not divisible by heads, or centres that make no square grid.
    """

    def __init__(
        self, count: int, width: int, heads: int, position: FacialPosition | None, encode: Literal["query", "key"]
    ) -> None:
        super().__init__()
        self.heads, self.position, self.encode = checked_heads(width, heads), position, encode
        grid = square_grid(count) if position is not None and encode == "query" else None
        self.register_buffer("grid", grid, persistent=False)
        self.centres = nn.Parameter(torch.empty(count, width))
        nn.init.trunc_normal_(self.centres, std=0.02)
        self.query = nn.Linear(width, width, bias=False)

    def forward(self, network: Tokens, tokens: Float[Tensor, "B N d"]) -> Float[Tensor, "B L d"]:
        """h: what the centres read from a network's tokens."""
        query, key = self._query_key(network, tokens)
        value = network.value(tokens)
        asked = split(query[None], self.heads).expand(len(tokens), -1, -1, -1).to(value.dtype)
        read = F.scaled_dot_product_attention(asked, split(key, self.heads).to(value.dtype), split(value, self.heads))
        h: Tensor = network.leave(self.centres + merge(read))
        return h

    def maps(self, network: Tokens, tokens: Float[Tensor, "B N d"]) -> Float[Tensor, "B heads L N"]:
        """A: how much of each token every centre reads."""
        query, key = self._query_key(network, tokens)
        e = split(query[None], self.heads) @ split(key, self.heads).transpose(-1, -2)
        return (e * math.sqrt(self.heads / query.shape[-1])).float().softmax(-1)

    def _query_key(
        self, network: Tokens, tokens: Float[Tensor, "B N d"]
    ) -> tuple[Float[Tensor, "L d"], Float[Tensor, "B N d"]]:
        """Both with the positional code where they carry it."""
        query, key = self.query(self.centres), network.key(tokens)
        if self.position is not None and self.encode == "query":
            query = query + self.position(self.grid)
        elif self.position is not None:
            code = self.position(network.cells)
            key = key + F.pad(code, (0, 0, 0, tokens.shape[1] - len(code)))
        return query, key


class SelfAttention(nn.Module):
    """Multi-head self-attention over the L local features, the same one for both networks: equal maps then mean
    equal relations among the local features, which two private attentions would not promise.

    Raises:
        UserError: width not divisible by heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(
        self, h: Float[Tensor, "B L d"]
    ) -> tuple[Float[Tensor, "B heads L L"], Float[Tensor, "B L d"], Float[Tensor, "B L d"]]:
        """Attention maps, context softmax(QK^T/√d)V, and MSA(h)."""
        query, key, value = (split(part, self.heads) for part in self.query_key_value(h).chunk(3, dim=-1))
        maps = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).float().softmax(-1)
        context = merge(maps.to(value.dtype) @ value)
        return maps, context, self.out(context)


def checked_heads(width: int, heads: int) -> int:
    """``heads``, if they divide the width.

    Raises:
        UserError: they do not.
    """
    if width % heads:
        raise UserError(f"The width {width} is not divisible by {heads} heads; change one of them.")
    return heads


def split(x: Float[Tensor, "B N d"], heads: int) -> Float[Tensor, "B heads N e"]:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x: Float[Tensor, "B heads N e"]) -> Float[Tensor, "B N d"]:
    return x.transpose(1, 2).flatten(2)


def local_feature_variance(h: Float[Tensor, "B L d"]) -> Float[Tensor, ""]:
    """Share of the local features that depends on the image, 0 to 1: the variance over the batch once every feature
    has unit variance over its width. It falls to 0 where a mapping has collapsed to a constant."""
    return F.layer_norm(h.float(), h.shape[-1:]).var(dim=0, correction=0).mean()
