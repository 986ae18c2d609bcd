"""Where URFM's local centres look on the face, in student and teacher (Zhao et al. ACM MM 2023, arXiv:2306.14662).

    map_i(cell) = mean over faces and heads of A_i(cell)        A: the centres' attention (align/centres.py)

Unified receptive fields would mean that centre i looks at the same place in both networks.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..align.centres import Tokens
from ..align.frame import FACE_CELLS
from ..methods.urfm import URFM
from ..types import Features
from .receptive_field import CROP_PX


@dataclass(frozen=True)
class Looks:
    """What the local centres read of one network."""

    maps: Float[Tensor, "L H W"]
    """Share of a centre's attention on each cell; with prompts they sum to less than 1."""
    cells_px: Float[Tensor, "N 2"]
    """Where the cells lie: x and y in crop pixels."""
    variety: float
    """How far the centres' attention lies from the mean of all centres, as a mean over faces and heads: total
    variation, 0 where all read the same."""
    spread: float
    """1 where a centre looks at all cells alike, 0 where it looks at a single one: entropy over its largest."""

    @property
    def even(self) -> Float[Tensor, "L H W"]:
        """The maps in multiples of what every cell would get, were all alike."""
        return self.maps * self.maps[0].numel() / self.maps.sum((1, 2))[:, None, None]

    @property
    def sides_px(self) -> tuple[float, float]:
        """Height and width of a cell in crop pixels."""
        x, y = (self.cells_px[:, axis].unique() for axis in (0, 1))
        return _step(y), _step(x)

    @property
    def gaze_px(self) -> Float[Tensor, "L 2"]:
        """Mean place that each centre looks at: x and y in crop pixels."""
        share = self.maps.flatten(1)
        return share @ self.cells_px / share.sum(1, keepdim=True)

    @property
    def on_prompts(self) -> float:
        """Share of all attention that goes to prompts instead of the face."""
        return max(0.0, 1 - float(self.maps.sum((1, 2)).mean()))


@torch.no_grad()
def centre_maps(urfm: URFM, seen: Iterable[tuple[Features, Features]]) -> tuple[Looks, Looks]:
    """Of student and teacher, over batches of what both saw."""
    own: list[Tensor] = []
    wanted: list[Tensor] = []
    mapping, centres = urfm.mapping, urfm.mapping.centres
    for student, teacher in seen:
        prompts = teacher.extras.get("prompts") if urfm.reads_prompts else None
        stages = student.stages[urfm.stage], teacher.stages[urfm.teacher_stage]
        own.append(centres.maps(mapping.student, mapping.student(stages[0])))
        wanted.append(centres.maps(mapping.teacher, mapping.teacher(stages[1], prompts)))
    grids = [(each.shape[2], each.shape[3]) for each in stages]
    return _looks(own, mapping.student, grids[0]), _looks(wanted, mapping.teacher, grids[1])


def gaze_difference_px(student: Looks, teacher: Looks) -> float:
    """Mean distance between the places that the same centre looks at in both networks, in crop pixels."""
    return float((student.gaze_px - teacher.gaze_px).norm(dim=1).mean())


def variety(read: Float[Tensor, "... L N"]) -> float:
    """As ``Looks`` has it, of shares that sum to 1 over the cells."""
    return float((read - read.mean(-2, keepdim=True)).abs().sum(-1).mean() / 2)


def spread(read: Float[Tensor, "... L N"]) -> float:
    """As ``Looks`` has it; 0 where there is but one cell."""
    largest = math.log(read.shape[-1])
    return float(torch.special.entr(read).sum(-1).mean() / largest) if largest > 0 else 0.0


def _step(places: Float[Tensor, " N"]) -> float:
    return float(places[1] - places[0]) if len(places) > 1 else float(CROP_PX)


def _looks(batches: list[Tensor], network: Tokens, grid: tuple[int, int]) -> Looks:
    """Of B heads L N, prompts last."""
    read = torch.cat(batches)
    cells = read[..., : grid[0] * grid[1]]
    shares = cells / cells.sum(-1, keepdim=True)
    places = network.cells * CROP_PX / FACE_CELLS
    return Looks(cells.mean((0, 1)).unflatten(-1, grid), places, variety(shares), spread(shares))
