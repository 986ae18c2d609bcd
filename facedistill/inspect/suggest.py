"""Which stage of the student could learn from which stage of the teacher.

    field = smaller / larger effective radius          do both look at as much of the face?
    grid  = fewer / more cells along a side            do both look at as many places?
    alike = CKA(student's stage, teacher's stage)      do both order the faces alike?
    score = field · grid · alike                       each 0 to 1, none weighted

A pair is suggested where each stage is the other's best. The score says how well two stages fit, not how much a
student would gain: the first stages of any two networks fit well and have little to teach, so that suggestions are
listed from the last stage backwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Seen:
    """What is known about a stage."""

    grid: tuple[int, int]
    radius_px: float
    """Effective, in crop pixels."""


@dataclass(frozen=True)
class Pair:
    """A stage of the student and one of the teacher, counted from -1 backwards as recipes do."""

    stage: int
    teacher_stage: int
    field: float
    grid: float
    alike: float
    suggested: bool = False

    @property
    def score(self) -> float:
        return self.field * self.grid * self.alike

    @property
    def recipe(self) -> str:
        """What a recipe says to align it."""
        return f"stage: {self.stage}, teacher_stage: {self.teacher_stage}"


def all_pairs(student: Sequence[Seen], teacher: Sequence[Seen], alike: Float[np.ndarray, "S T"]) -> list[Pair]:
    """Every pair, the best first; CKA below 0 counts as 0."""
    pairs = [
        Pair(
            i - len(student),
            j - len(teacher),
            field=_ratio(own.radius_px, wanted.radius_px),
            grid=_ratio(min(own.grid), min(wanted.grid)),
            alike=max(0.0, float(alike[i, j])),
        )
        for i, own in enumerate(student)
        for j, wanted in enumerate(teacher)
    ]
    return sorted((_marked(pair, pairs) for pair in pairs), key=lambda pair: -pair.score)


def suggested(pairs: Sequence[Pair]) -> list[Pair]:
    """The suggested ones, from the teacher's last stage backwards."""
    return sorted((pair for pair in pairs if pair.suggested), key=lambda pair: -pair.teacher_stage)


def _marked(pair: Pair, pairs: Sequence[Pair]) -> Pair:
    """The pair, suggested where it is the best of its student's stage and of its teacher's."""
    rivals = [other for other in pairs if pair.stage == other.stage or pair.teacher_stage == other.teacher_stage]
    best = pair.score > 0 and all(pair.score >= other.score for other in rivals)
    return replace(pair, suggested=best)


def _ratio(a: int | float, b: int | float) -> float:
    return min(a, b) / max(a, b) if max(a, b) > 0 else 0.0
