"""Attention within (shifted) windows, which prompts may join.

Swin Transformer. Liu et al. ICCV 2021. arXiv:2103.14030

    Attention(Q, K, V) = softmax( QKᵀ/√d + B ) V                                             (eq. 4)

B is a table over the relative positions of two cells in a window. In shifted windows the map is rolled, and cells
that only the roll made neighbours do not see each other (section 3.2). Prompts join every window (Jia et al. ECCV 2022,
arXiv:2203.12119, for Swin): B is 0 for them, they see all cells of the window and are seen by all, and what comes
of a prompt is the mean over the windows.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .transformer import attend, checked_heads


class WindowAttention(nn.Module):
    """Attention within the windows of a square map of ``side`` x ``side`` cells.

    Args:
        window: side of a window in cells; a smaller map is one window. A map that windows do not fill is padded at
            the right and at the bottom with cells that nobody sees.
        shifted: whether windows lie half a window off the corner.
    """

    index: Int[Tensor, "n n"]
    blocked: Bool[Tensor, "W m n"] | None

    def __init__(self, width: int, heads: int, *, side: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.heads, self.side, self.window = checked_heads(width, heads), side, min(window, side)
        self.shift = self.window // 2 if shifted and side > self.window else 0
        self.padding = -side % self.window
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * self.window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("index", _relative_positions(self.window), persistent=False)
        whole = self.shift == 0 and self.padding == 0
        self.register_buffer("blocked", None if whole else self._who_sees_whom(), persistent=False)

    def forward(self, tokens: Float[Tensor, "B M C"]) -> Float[Tensor, "B M C"]:
        """Attention among the map's cells, row by row, and the prompts that stand behind them."""
        cells, prompts = tokens[:, : self.side**2], tokens[:, self.side**2 :]
        windows, count = self._split(cells.unflatten(1, (self.side, self.side))), prompts.shape[1]
        if not count:
            return self._join(self._read(windows, 0)).flatten(1, 2)
        # An axis for the windows beside the batch's: prompts of an image can only meet that image's windows.
        everywhere = prompts[:, None].expand(-1, windows.shape[1], -1, -1)
        read = self._read(torch.cat([windows, everywhere], dim=2), count)
        joined = self._join(read[:, :, :-count]).flatten(1, 2)
        return torch.cat([joined, read[:, :, -count:].mean(1)], dim=1)

    def _read(self, windows: Float[Tensor, "B W m C"], prompts: int) -> Float[Tensor, "B W m C"]:
        return self.proj(attend(self.qkv(windows), self.heads, self._bias(prompts)))

    def _bias(self, prompts: int) -> Float[Tensor, "_ heads m m"]:
        """B of every window, minus infinity for cells that do not see each other, 0 for prompts."""
        bias = F.pad(self.relative_position_bias_table[self.index].permute(2, 0, 1), (0, prompts, 0, prompts))[None]
        if self.blocked is None:
            return bias
        of_prompts = self.blocked[:, -1:].expand(-1, prompts, -1)
        blocked = F.pad(torch.cat([self.blocked[:, :-1], of_prompts], dim=1), (0, prompts))
        return bias.masked_fill(blocked[:, None], float("-inf"))

    def _who_sees_whom(self) -> Bool[Tensor, "W m n"]:
        """True where cell i of a window must not see cell j; the last row is a prompt's, which sees all real cells."""
        padded_side = self.side + self.padding
        place = torch.arange(padded_side) + self.shift
        wrapped, outside = place >= padded_side, place % padded_side >= self.side
        padding = outside[:, None] | outside[None, :]
        # Cells see each other where both axes have, or have not, wrapped round; padding sees padding.
        region = 4 * wrapped[:, None] + 2 * wrapped[None, :] + padding
        region_Wn, padding_Wn = (self._windows(map[None, :, :, None])[0, :, :, 0] for map in (region, padding))
        return torch.cat([region_Wn[:, :, None] != region_Wn[:, None, :], padding_Wn[:, None, :]], dim=1)

    def _split(self, map: Float[Tensor, "B S S C"]) -> Float[Tensor, "B W n C"]:
        map = F.pad(map, (0, 0, 0, self.padding, 0, self.padding))
        return self._windows(map.roll((-self.shift, -self.shift), (1, 2)))

    def _windows(self, map: Tensor) -> Tensor:
        """B S S C cut into B W n C."""
        parts = map.unflatten(2, (-1, self.window)).unflatten(1, (-1, self.window))
        return parts.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def _join(self, windows: Float[Tensor, "B W n C"]) -> Float[Tensor, "B S S C"]:
        across = (self.side + self.padding) // self.window
        parts = windows.unflatten(2, (self.window, self.window)).unflatten(1, (across, across)).transpose(2, 3)
        map = parts.flatten(3, 4).flatten(1, 2).roll((self.shift, self.shift), (1, 2))
        return map[:, : self.side, : self.side]


def _relative_positions(window: int) -> Int[Tensor, "n n"]:
    """Row of the table for every pair of a window's cells, by rows and columns from one to the other."""
    row, column = torch.arange(window**2) // window, torch.arange(window**2) % window
    rows, columns = row[:, None] - row[None, :], column[:, None] - column[None, :]
    return (rows + window - 1) * (2 * window - 1) + columns + window - 1
