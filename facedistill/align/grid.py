"""One network's feature map on the cells of another's: same place on the face, whatever the strides.

    out_ij = Σ_ab Y_ia X_jb in_ab
    Y_ia ∝ max( 0, 1 − |y_i − y_a| / w )             towards a finer grid: linear between cells that lie w apart
    Y_ia ∝ length of cell a that lies in cell i      towards a coarser one: the mean of what a cell covers

Positions are those of ``frame.py``. Between equal grids nothing happens.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import UserError
from ..types import Spec
from .frame import FACE_CELLS, axis_centres, check_stage


class Regrid(nn.Module):
    """From the grid of a stage of ``source`` to the grid of a stage of ``target``, in float32.

    Args:
        source_stage, target_stage: from 0, or from -1 backwards.

    Raises:
        UserError: no such stage.
    """

    ys: Tensor
    xs: Tensor

    def __init__(self, source: Spec, source_stage: int, target: Spec, target_stage: int) -> None:
        super().__init__()
        source_stage = check_stage(source, source_stage, "network")
        target_stage = check_stage(target, target_stage, "network")
        for name, axis in (("ys", 0), ("xs", 1)):
            cells, wanted = axis_centres(source, source_stage, axis), axis_centres(target, target_stage, axis)
            self.register_buffer(name, axis_weights(cells, wanted), persistent=False)

    def forward(self, stage: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
        with torch.autocast(stage.device.type, enabled=False):
            return self.ys @ stage.float() @ self.xs.T


class Meet(nn.Module):
    """Two stages, of two networks or of one, on the coarser of their grids; the second's where they are equal.

    Args:
        first_stage, second_stage: from 0, or from -1 backwards.

    Raises:
        UserError: no such stage.
    """

    def __init__(self, first: Spec, first_stage: int, second: Spec, second_stage: int) -> None:
        super().__init__()
        self.on_first = coarser(first, first_stage, second, second_stage)
        sides = (first, first_stage), (second, second_stage)
        source, target = sides[::-1] if self.on_first else sides
        self.regrid = Regrid(*source, *target)
        self.grid = target[0].stages[target[1]].grid

    def forward(
        self, first: Float[Tensor, "B C1 _ _"], second: Float[Tensor, "B C2 _ _"]
    ) -> tuple[Float[Tensor, "B C1 h w"], Float[Tensor, "B C2 h w"]]:
        return (first, self.regrid(second)) if self.on_first else (self.regrid(first), second)


def axis_weights(cells: Float[Tensor, " H"], wanted: Float[Tensor, " h"]) -> Float[Tensor, "h H"]:
    """How much each of ``cells`` says about each of ``wanted``; rows sum to 1. Beyond the outermost cell it speaks."""
    fine, coarse = _stride(cells), _stride(wanted)
    apart = (wanted.clamp(cells[0], cells[-1])[:, None] - cells).abs()
    covered = ((fine + coarse) / 2 - apart).clamp(0, fine)
    weight = covered if coarse > fine else (1 - apart / fine).clamp_min(0)
    return weight / weight.sum(1, keepdim=True)


def _stride(cells: Float[Tensor, " H"]) -> float:
    return float(cells[1] - cells[0]) if len(cells) > 1 else float(FACE_CELLS)


Pairs = tuple[tuple[int, int], ...]
"""Stages that are compared, (student's, teacher's), from 0, or from -1 backwards."""


def stage_pairs(student: Spec, teacher: Spec, pairs: Pairs | None) -> list[tuple[int, int]]:
    """``pairs`` from 0; where None, every stage that both have, counted from the coarsest.

    Raises:
        UserError: no pairs, or no such stage.
    """
    if pairs is None:
        common = min(len(student.stages), len(teacher.stages))
        pairs = tuple((-back, -back) for back in range(common, 0, -1))
    if not pairs:
        raise UserError("There are no stages to compare; give `pairs`, such as [[-1, -1]], and networks with stages.")
    return [(check_stage(student, own, "student"), check_stage(teacher, its, "teacher")) for own, its in pairs]


def coarser(own: Spec, own_stage: int, other: Spec, other_stage: int) -> bool:
    """Whether the first stage has fewer cells than the second."""
    cells = [spec.stages[stage].grid for spec, stage in ((own, own_stage), (other, other_stage))]
    return torch.Size(cells[0]).numel() < torch.Size(cells[1]).numel()
