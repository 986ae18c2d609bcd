"""Which of its teacher's answers a training reads: found by watching it read."""

from collections.abc import Callable

import torch
from jaxtyping import UInt8
from torch import Tensor

from ..teachers.contract import AbstractTeacher
from ..teachers.watched import Watched
from ..train.objective import Objective
from ..types import Batch, Features


def stages_read(objective: Objective, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> tuple[int, ...]:
    """Numbers of the teacher's stages that a training with ``objective`` reads.

    Args:
        images, batch: something to try it with.
    """
    teacher = objective.teacher
    if teacher is None:
        return ()
    read: set[int] = set()
    objective.eval()
    objective.teacher = _Watching(teacher, read.add)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            objective(images, batch)
    finally:
        objective.teacher = teacher
    return tuple(sorted(read))


class _Watching(AbstractTeacher):
    """Another teacher, whose stages tell when they are read."""

    def __init__(self, teacher: AbstractTeacher, told: Callable[[int], object]) -> None:
        super().__init__()
        self._teacher, self._told, self.spec = teacher, told, teacher.spec

    @property
    def provides(self) -> frozenset[str]:
        return self._teacher.provides

    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        answers: Features = self._teacher(images, batch)
        stages = Watched(answers.stages, self._told)
        seen = Features(answers.embedding, stages, answers.extras)
        stages.armed = True
        return seen
