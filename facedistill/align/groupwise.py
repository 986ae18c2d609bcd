"""Group-wise linear maps: neighbouring cells share a map, distant ones do not (Liu et al. ACCV 2022)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GroupwiseLinear(nn.Module):
    """Channels to channels, one linear map for each ``side`` by ``side`` cells of the grid; the last may hold fewer."""

    def __init__(self, channels: int, wanted: int, grid: tuple[int, int], side: int) -> None:
        super().__init__()
        self.side = side
        rows, columns = (-(-cells // side) for cells in grid)
        self.maps = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(channels, wanted, 1) for _ in range(columns)) for _ in range(rows)
        )

    def forward(self, stage: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        rows = []
        for strip, maps in zip(stage.split(self.side, dim=2), self.maps, strict=True):
            assert isinstance(maps, nn.ModuleList)
            parts = zip(strip.split(self.side, dim=3), maps, strict=True)
            rows.append(torch.cat([own(part) for part, own in parts], dim=3))
        return torch.cat(rows, dim=2)
