"""Where the teacher looks on an aligned face: the mean length of its features, cell by cell."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import dist
from ..types import Spec
from .frame import FACE_CELLS, axis_centres


class Saliency(nn.Module):
    """s = mean over the training batches of ‖f_T‖, rescaled to [0, 1]; saved with the run."""

    ys: Tensor
    xs: Tensor
    total: Tensor
    batches: Tensor

    def __init__(self, teacher: Spec, stage: int) -> None:
        super().__init__()
        self.register_buffer("ys", axis_centres(teacher, stage, 0), persistent=False)
        self.register_buffer("xs", axis_centres(teacher, stage, 1), persistent=False)
        self.register_buffer("total", torch.zeros(teacher.stages[stage].grid))
        self.register_buffer("batches", torch.tensor(0.0))

    @torch.no_grad()
    def observe(self, stage: Float[Tensor, "B C H W"]) -> None:
        """Take a training batch into the mean, over all processes."""
        self.total += dist.mean(stage.float().norm(dim=1).mean(0))
        self.batches += 1

    def distance(self, points: Float[Tensor, "N 2"], origin: Float[Tensor, "1 2"]) -> Float[Tensor, " N"]:
        """7 | s − s_origin |."""
        return FACE_CELLS * (self.at(points) - self.at(origin)).abs()

    def at(self, points: Float[Tensor, "N 2"]) -> Float[Tensor, " N"]:
        """s at points on the face, linear between cell centres; 0 everywhere before the first batch."""
        mean = self.total / self.batches.clamp_min(1)
        low, high = mean.min(), mean.max()
        map_HW = (mean - low) / (high - low).clamp_min(torch.finfo(torch.float32).tiny)
        return ((_between(self.ys, points[:, 1]) @ map_HW) * _between(self.xs, points[:, 0])).sum(1)


def _between(cells: Float[Tensor, " H"], at: Float[Tensor, " N"]) -> Float[Tensor, "N H"]:
    """Weights of linear interpolation between evenly spaced cells; the outermost cell beyond them."""
    if len(cells) == 1:
        return torch.ones(len(at), 1, device=at.device)
    stride = cells[1] - cells[0]
    inside = at.clamp(cells[0], cells[-1])
    return (1 - (inside[:, None] - cells).abs() / stride).clamp_min(0)
