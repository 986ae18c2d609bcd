"""What part of a face reaches a cell of a stage: by the network's structure, and by its gradients.

The theoretical field is found by asking: a row of pixels that are not numbers makes every cell that reads it not a
number, through convolutions, norms and attention alike and whatever the weights are. The measured one is that of

    Luo et al. Understanding the Effective Receptive Field in Deep Convolutional Neural Networks. NeurIPS 2016.
    arXiv:1701.04128

    G(p) = mean over faces of ‖ d (s · f_cell) / d x_p ‖        s: random signs over the channels; norm over the colours
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..align.frame import FACE_CELLS, cell_centres
from ..types import Features, Spec

CROP_PX = 112
"""Side of the crop that every position and radius here is given in, whatever a network's own input size is."""
HALF = 0.5
"""Share of the gradient within the effective radius: the radius is the median distance of what a cell listens to."""
LINES_AT_ONCE = 8
"""Rows probed in one batch."""

See = Callable[[Float[Tensor, "B 3 S S"]], Features]
"""A network from the pixels that it prepared."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the crop, in crop pixels from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def sides_px(self) -> tuple[float, float]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


@torch.no_grad()
def reach(see: See, size_px: int) -> list[tuple[Bool[Tensor, "S H W"], Bool[Tensor, "S H W"]]]:
    """For every stage, which cells read anything of each row of pixels, and of each column.

    An upper bound where attention is masked, since a masked value still is part of the sum that forgets it.
    """
    rows, columns = (_probed(see, size_px, vertical) for vertical in (True, False))
    return list(zip(rows, columns, strict=True))


def _probed(see: See, size_px: int, vertical: bool) -> list[Bool[Tensor, "S H W"]]:
    """One image per line, in which that line is not a number."""
    found = []
    for lines in torch.arange(size_px).split(LINES_AT_ONCE):
        pixels = torch.zeros(len(lines), 3, size_px, size_px)
        pixels[torch.arange(len(lines)), :, lines] = torch.nan
        seen = see(pixels if vertical else pixels.transpose(2, 3))
        found.append([map.isnan().any(1) for map in seen.stages])
    return [torch.cat(parts) for parts in zip(*found, strict=True)]


def theoretical(rows: Bool[Tensor, "S H W"], columns: Bool[Tensor, "S H W"], cell: tuple[int, int]) -> Box:
    """Smallest rectangle with all pixels that ``cell`` (row, column) reads; empty where it reads none."""
    (top, bottom), (left, right) = (_ends(lines[:, cell[0], cell[1]]) for lines in (rows, columns))
    return Box(left, top, right, bottom)


def _ends(read: Bool[Tensor, " S"]) -> tuple[float, float]:
    lines = read.nonzero().flatten().tolist() or [0, -1]
    scale = CROP_PX / len(read)
    return lines[0] * scale, (lines[-1] + 1) * scale


def centre_px(spec: Spec, stage: int, cell: tuple[int, int]) -> tuple[float, float]:
    """Where a cell (row, column) lies: x and y in crop pixels."""
    x, y = cell_centres(spec, stage)[cell[0] * spec.stages[stage].grid[1] + cell[1]] * CROP_PX / FACE_CELLS
    return float(x), float(y)


def middle_cell(spec: Spec, stage: int) -> tuple[int, int]:
    """The cell (row, column) nearest to the middle of the crop; of several, the first."""
    distance = (cell_centres(spec, stage) - FACE_CELLS / 2).norm(dim=1)
    row, column = divmod(int(distance.argmin()), spec.stages[stage].grid[1])
    return row, column


def measured(
    see: See, batches: Iterable[Float[Tensor, "_ 3 S S"]], cells: list[tuple[int, int]], seed: int = 0
) -> list[Float[Tensor, "S S"]]:
    """G of one cell of every stage over all pixels of the network's input, scaled to sum 1 (0 where nothing reaches).

    Args:
        batches: prepared faces, as many in each as there are.
        cells: (row, column) of the cell to ask of every stage.
    """
    chance = torch.Generator().manual_seed(seed)
    totals = [torch.zeros(()) for _ in cells]
    for pixels in batches:
        for number, gradient in enumerate(_gradients(see, pixels, cells, chance)):
            totals[number] = totals[number] + gradient.norm(dim=1).sum(0).cpu()
    return [total / total.sum().clamp_min(torch.finfo(total.dtype).tiny) for total in totals]


def _gradients(
    see: See, pixels: Tensor, cells: list[tuple[int, int]], chance: torch.Generator
) -> Iterable[Float[Tensor, "B 3 S S"]]:
    with torch.enable_grad():
        pixels = pixels.detach().requires_grad_()
        stages = see(pixels).stages
        for map, (row, column) in zip(stages, cells, strict=True):
            signs = torch.randint(0, 2, map.shape[:2], generator=chance).to(map) * 2 - 1
            yield torch.autograd.grad((map[:, :, row, column] * signs).sum(), pixels, retain_graph=True)[0]


def centroid_px(field: Float[Tensor, "S S"]) -> tuple[float, float]:
    """Centre of gravity of a measured field: x and y in crop pixels."""
    place = _places(len(field))
    return float(field.sum(0) @ place), float(field.sum(1) @ place)


def effective_radius_px(field: Float[Tensor, "S S"]) -> float:
    """Radius of the disc round its centre of gravity that holds ``HALF`` of a measured field, in crop pixels."""
    x, y = centroid_px(field)
    place = _places(len(field))
    distance = torch.hypot(place[None, :] - x, place[:, None] - y).flatten()
    order = distance.argsort()
    held = field.flatten()[order].double().cumsum(0)
    return float(distance[order[int(torch.searchsorted(held, HALF * held[-1]))]])


def _places(size_px: int) -> Float[Tensor, " S"]:
    """Centres of a network's pixels along one axis, in crop pixels."""
    return (torch.arange(size_px) + 0.5) * CROP_PX / size_px
