"""A student and an assistant that adds what the student misses. Residual Knowledge Distillation. Gao et al. 2020.
arXiv:2002.09168; for faces of low resolution, RIM. Kong et al. 2019. arXiv:1905.10777

    z = z_S + z_A          deployed
"""

from copy import deepcopy
from typing import Any

from jaxtyping import Float
from torch import Tensor

from ..errors import UserError
from ..signature import build
from ..types import ALONE, Features
from .contract import AbstractBackbone


def residual(
    *, student: dict[str, Any] | str = "mobilefacenet_1m2", assistant: dict[str, Any] | str = "mobilefacenet_1m2"
) -> AbstractBackbone:
    """Two networks whose embeddings and stages are summed; method ``residual`` tells them apart.

    Raises:
        UserError: their embeddings or stages differ in shape.
    """
    return _Residual(*(build("backbones", AbstractBackbone, each) for each in (student, assistant)))


class _Residual(AbstractBackbone):
    def __init__(self, student: AbstractBackbone, assistant: AbstractBackbone) -> None:
        # Its own: ``spec`` puts a module that has two places back at one of them only.
        super().__init__(deepcopy(student.preprocess))
        own, its = ((each.spec.embedding, each.spec.stages) for each in (student, assistant))
        if own != its:
            raise UserError(
                f"A student and its assistant are summed, so their shapes must be the same; they are {_shapes(*own)} "
                f"and {_shapes(*its)}. Networks of one family that differ in depth fit, such as iresnet_50 and "
                "iresnet_18."
            )
        self.student, self.assistant = student, assistant

    def features(self, pixels: Float[Tensor, "B 3 S S"]) -> Features:
        again = self.assistant.preprocess.from_rgb(self.preprocess.to_rgb(pixels))
        alone, more = self.student.features(pixels), self.assistant.features(again)
        stages = tuple(own + added for own, added in zip(alone.stages, more.stages, strict=True))
        parts = {f"{ALONE}_{number}": stage for number, stage in enumerate(alone.stages)}
        return Features(alone.embedding + more.embedding, stages, {ALONE: alone.embedding, **parts})


def _shapes(embedding: int, stages: tuple[Any, ...]) -> str:
    return f"{embedding} with {', '.join(f'{stage.channels}x{stage.grid[0]}x{stage.grid[1]}' for stage in stages)}"
