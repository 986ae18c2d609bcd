"""Where URFM's local centres look on the face, in student and teacher (Zhao et al. ACM MM 2023, arXiv:2306.14662).

    map_i(cell) = mean over faces and heads of A_i(cell)        A: the centres' attention (align/centres.py)

Unified receptive fields would mean that centre i looks at the same place in both networks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..align.centres import LocalCentres, Tokens
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

    @property
    def gaze_px(self) -> Float[Tensor, "L 2"]:
        """Mean place that each centre looks at: x and y in crop pixels."""
        share = self.maps.flatten(1)
        return share @ self.cells_px / share.sum(1, keepdim=True)

    @property
    def on_prompts(self) -> float:
        """Share of all attention that goes to prompts instead of the face."""
        return max(0.0, 1 - float(self.maps.sum((1, 2)).mean()))

    @property
    def variety(self) -> float:
        """How far the centres' maps lie from their mean: total variation, 0 where all centres read the same."""
        share = self.maps.flatten(1) / self.maps.sum((1, 2))[:, None]
        return float((share - share.mean(0)).abs().sum(1).mean() / 2)

    @property
    def spread(self) -> float:
        """1 where a centre looks at all cells alike, 0 where each looks at a single one: entropy over its largest."""
        share = self.maps.flatten(1) / self.maps.sum((1, 2))[:, None]
        entropy = torch.special.entr(share).sum(1)
        return float(entropy.mean() / torch.log(torch.tensor(float(share.shape[1])))) if share.shape[1] > 1 else 0.0


@torch.no_grad()
def centre_maps(urfm: URFM, seen: Iterable[tuple[Features, Features]]) -> tuple[Looks, Looks]:
    """Of student and teacher, over batches of what both saw."""
    own: list[Tensor] = []
    wanted: list[Tensor] = []
    mapping = urfm.mapping
    for student, teacher in seen:
        prompts = teacher.extras.get("prompts") if urfm.reads_prompts else None
        own.append(_read(mapping.centres, mapping.student, student.stages[urfm.stage], None))
        wanted.append(_read(mapping.centres, mapping.teacher, teacher.stages[urfm.teacher_stage], prompts))
    return _looks(own, mapping.student), _looks(wanted, mapping.teacher)


def gaze_difference_px(student: Looks, teacher: Looks) -> float:
    """Mean distance between the places that the same centre looks at in both networks, in crop pixels."""
    return float((student.gaze_px - teacher.gaze_px).norm(dim=1).mean())


def _read(
    centres: LocalCentres, network: Tokens, stage: Float[Tensor, "B C H W"], prompts: Tensor | None
) -> Float[Tensor, "B L H W"]:
    read = centres.maps(network, network(stage, prompts)).mean(1)
    return read[..., : stage.shape[2] * stage.shape[3]].unflatten(-1, tuple(stage.shape[2:]))


def _looks(batches: list[Tensor], network: Tokens) -> Looks:
    return Looks(torch.cat(batches).mean(0), network.cells * CROP_PX / FACE_CELLS)
