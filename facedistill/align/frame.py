"""One frame for all grids: where the cells of a feature map lie on the aligned face.

Positions are (x, y) in cells of a 7x7 map over the whole crop: 0 to 7, x to the right, y downwards, cell centres at
0.5, 1.5, ... Networks of any input size and stride meet in it, because all see the same aligned crop.
"""

from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import UserError
from ..types import Spec

FACE_CELLS = 7
"""Side of the map that distances are measured on: the last map of a 112 px network of stride 16."""


def check_stage(spec: Spec, stage: int, whose: str) -> int:
    """The stage's number from 0, where it may have been counted from the end.

    Raises:
        UserError: there is no such stage.
    """
    if not -len(spec.stages) <= stage < len(spec.stages):
        raise UserError(
            f"The {whose} has no stage {stage}; it has {len(spec.stages)}, numbered from 0 (or from -1 backwards)."
        )
    return stage % len(spec.stages)


def cell_centres(spec: Spec, stage: int) -> Float[Tensor, "N 2"]:
    """Centres of the cells of a stage (numbered from 0), row by row as ``flatten(2)`` orders them."""
    ys, xs = axis_centres(spec, stage, 0), axis_centres(spec, stage, 1)
    return torch.cartesian_prod(ys, xs).flip(1)


def axis_centres(spec: Spec, stage: int, axis: int) -> Float[Tensor, " N"]:
    """Cell centres along one axis (0: y, 1: x).

    The stride is the product of the whole-number ratios from stage to stage: EdgeNeXt's 28, 14, 7, 3 has stride 32 and
    covers 96 of 112 px, since windows that do not fit are dropped at the far edge; 12 patches of 9 px cover 108. Grids
    rounded up instead (56, 28, 14, 7, 4) stick out of the crop and are centred on it.
    """
    stride_px, before = 1, spec.size_px
    for cells in (each.grid[axis] for each in spec.stages[: stage + 1]):
        stride_px, before = stride_px * max(1, round(before / cells)), cells
    start_px = min(0.0, (spec.size_px - stride_px * before) / 2)
    return (start_px + stride_px * (torch.arange(before) + 0.5)) * FACE_CELLS / spec.size_px


def square_grid(count: int) -> Float[Tensor, "L 2"]:
    """``count`` points on a square grid over the whole crop.

    Raises:
        UserError: not a square number.
    """
    side = isqrt(count)
    if side * side != count:
        raise UserError(f"{count} local centres make no square grid; take 16, 25, 36, 49 or 64, or `encode: key`.")
    line = (torch.arange(side) + 0.5) * FACE_CELLS / side
    return torch.cartesian_prod(line, line).flip(1)
