"""What Transformers of faces share: MLP, attention, stochastic depth, and the layers from cells to embedding."""

import itertools
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import UserError

Activation = Literal["gelu", "relu6"]
Pool = Literal["flatten", "mean"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu6": F.relu6}
_BATCH_NORM_EPS = 2e-5
"""insightface's, in its ViT as in its IResNet."""


class Mlp(nn.Module):
    """Two linear layers, four times as wide between them."""

    def __init__(self, width: int, activation: Activation = "gelu") -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.activation = _ACTIVATIONS[activation]

    def forward(self, tokens: Float[Tensor, "*cells C"]) -> Float[Tensor, "*cells C"]:
        return self.fc2(self.activation(self.fc1(tokens)))


class Attention(nn.Module):
    """Multi-head self-attention, softmax(QKᵀ/√d) V (Vaswani et al. 2017, arXiv:1706.03762, eq. 1)."""

    def __init__(self, width: int, heads: int, *, qkv_bias: bool = True) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        return self.proj(attend(self.qkv(tokens), self.heads))


def attend(qkv: Float[Tensor, "*A N QKV"], heads: int, bias: Tensor | None = None) -> Float[Tensor, "*A N C"]:
    """What the heads read, side by side; ``bias``, which broadcasts to A heads N N, is added to QKᵀ/√d."""
    q, k, v = qkv.unflatten(-1, (3, heads, -1)).movedim(-3, 0).transpose(-3, -2)
    # The cast: under autocast the projections are bfloat16, and a bias must be what they are.
    mask = None if bias is None else bias.to(q.dtype)
    slow = q.is_cpu and q.dtype == torch.bfloat16
    read = _plain(q, k, v, mask) if slow else F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return read.transpose(-3, -2).flatten(-2)


def _plain(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The equation as it stands: of faces' few tokens a CPU makes bfloat16 maps in 60 % of the fused kernel's time."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    return (scores if mask is None else scores + mask).softmax(-1) @ v


def checked_heads(width: int, heads: int) -> int:
    """``heads``, if they divide the width.

    Raises:
        UserError: they do not.
    """
    if width % heads:
        raise UserError(f"A Transformer of width {width} cannot have {heads} heads; take a divisor of the width.")
    return heads


class StochasticDepth(nn.Module):
    """Drops a residual branch, image by image, in training (Huang et al. 2016, arXiv:1603.09382)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        if not self.training or self.rate == 0:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= self.rate
        return branch * kept / (1 - self.rate)


class Embed(nn.Sequential):
    """From the last cells to the embedding: all cells side by side, or their mean; then linear and BatchNorm layers.

    Args:
        hidden: width of a first linear layer and BatchNorm, as in insightface's ViT; None for a single pair.
    """

    def __init__(self, width: int, cells: int, embedding: int, *, pool: Pool, hidden: int | None = None) -> None:
        read = width * cells if pool == "flatten" else width
        widths = [read, embedding] if hidden is None else [read, hidden, embedding]
        layers = [_linear_norm(*pair) for pair in itertools.pairwise(widths)]
        super().__init__(*(layer for pair in layers for layer in pair))
        self.mean = pool == "mean"

    def forward(self, input: Float[Tensor, "B N C"]) -> Float[Tensor, "B D"]:
        return super().forward(input.mean(1) if self.mean else input.flatten(1)).float()


def _linear_norm(read: int, width: int) -> tuple[nn.Module, nn.Module]:
    return nn.Linear(read, width, bias=False), nn.BatchNorm1d(width, eps=_BATCH_NORM_EPS)


def growing(drop_path: float, blocks: int) -> list[float]:
    """Rates of stochastic depth that grow linearly from 0 with depth (Huang et al., section 3)."""
    return [drop_path * number / max(blocks - 1, 1) for number in range(blocks)]


def with_prompts(tokens: Float[Tensor, "B N C"], prompts: Float[Tensor, "T C"]) -> Float[Tensor, "B M C"]:
    """The image's tokens, and the same prompts behind them for every image."""
    return torch.cat([tokens, prompts.to(tokens.dtype).expand(len(tokens), -1, -1)], dim=1)


def initialise(module: nn.Module) -> None:
    """Truncated normal weights of deviation 0.02 and no biases, as in ViT and Swin."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
