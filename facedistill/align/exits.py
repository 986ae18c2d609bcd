"""Early exits: an intermediate map of the student as an embedding of the teacher's width (OFA-KD, Hao et al. 2023)."""

from jaxtyping import Float
from torch import Tensor, nn

from ..types import Spec


class Exit(nn.Module):
    """Separable convolutions of stride 2 down to the last stage's grid, then mean and linear.

    GroupNorm, so that a sample's answer does not depend on the others in its process.
    """

    def __init__(self, student: Spec, stage: int, width: int) -> None:
        super().__init__()
        channels, side = student.stages[stage].channels, min(student.stages[stage].grid)
        halvings = max(0, (side // min(student.stages[-1].grid)).bit_length() - 1)
        self.down = nn.Sequential(*(_separable(channels) for _ in range(halvings)))
        self.embed = nn.Linear(channels, width)

    def forward(self, stage: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        embedding: Tensor = self.embed(self.down(stage).mean((2, 3)))
        return embedding


def _separable(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, 2, 1, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.GroupNorm(1, channels),
        nn.PReLU(channels),
    )
