"""What may be chosen about how a step is computed: the values of ``training.speed`` in a recipe."""

from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict

STRICT = ConfigDict(extra="forbid", frozen=True)

Precision = Literal["fp32", "bf16"]
Compile = Literal["none", "regional", "whole"]
"""``regional`` compiles the blocks that a network repeats, ``whole`` all of it."""


class TeacherSpeed(BaseModel):
    """Of a frozen teacher's answers."""

    model_config = STRICT

    precision: Precision | None = None
    """The teacher's own option where None."""
    compile: Compile = "none"


class Speed(BaseModel):
    """Of a training step. The defaults are ``off``: float32, nothing compiled."""

    model_config = STRICT

    precision: Precision = "fp32"
    """bf16: autocast; weights, losses and optimiser stay float32."""
    channels_last: bool = True
    matmul: Literal["highest", "high", "medium"] = "highest"
    """What float32 matrix products may use inside: TF32 or less on a GPU, another library on a CPU."""
    compile: Compile = "none"
    """Of the student; its head and the methods are not compiled."""
    fused: bool = False
    """One pass over the weights in the optimiser instead of one for every operation."""
    teacher: TeacherSpeed = TeacherSpeed()

    @property
    def layout(self) -> torch.memory_format:
        """Of images and maps."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def words(self) -> str:
        """Every choice, on one line, as a recipe takes it."""
        return _listed(self.model_dump())


def _listed(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{name}: {_listed(inner)}" for name, inner in value.items() if inner is not None)
        return f"{{{inside}}}"
    return str(value).lower()
