"""Which stage of the student could learn from which stage of the teacher.

    field = smaller / larger effective radius          do both look at as much of the face?
    grid  = fewer / more cells along a side            do both look at as many places?
    alike = CKA(student's stage, teacher's stage)      do both order the faces alike?
    score = field · grid · alike                       each 0 to 1, none weighted

A pair is suggested where each stage is the other's best. The score says how well two stages fit, not how much a
student would gain: the first stages of any two networks fit well and have little to teach, so the deepest suggestion
comes first. It has to have room, though: L local centres read L mixtures of a stage's N cells, and where N < L these
are not L different things whatever is learned, for the attention L N of a head has at most rank N.
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

    @property
    def cells(self) -> int:
        return self.grid[0] * self.grid[1]


@dataclass(frozen=True)
class Pair:
    """A stage of the student and one of the teacher, counted from -1 backwards as recipes do."""

    stage: int
    teacher_stage: int
    student: Seen
    teacher: Seen
    alike: float
    suggested: bool = False

    @property
    def field(self) -> float:
        return _ratio(self.student.radius_px, self.teacher.radius_px)

    @property
    def grid(self) -> float:
        return _ratio(min(self.student.grid), min(self.teacher.grid))

    @property
    def score(self) -> float:
        return self.field * self.grid * self.alike

    @property
    def recipe(self) -> str:
        """What a recipe says to align it."""
        return f"stage: {self.stage}, teacher_stage: {self.teacher_stage}"

    def has_room(self, centres: int) -> bool:
        """Whether both have a cell for every local centre."""
        return min(self.student.cells, self.teacher.cells) >= centres

    def reason(self, centres: int) -> str:
        """What speaks for it, and what against, in words."""
        own, wanted = self.student, self.teacher
        why = (
            f"student and teacher listen within {own.radius_px:.0f} and {wanted.radius_px:.0f} px, from "
            f"{_by(own.grid)} and {_by(wanted.grid)} cells, and order the faces alike (CKA {self.alike:.2f})"
        )
        if self.has_room(centres):
            return why
        few = min(own, wanted, key=lambda each: each.cells)
        return f"{why}; but {few.cells} cells cannot feed {centres} local centres with different things"


def all_pairs(student: Sequence[Seen], teacher: Sequence[Seen], alike: Float[np.ndarray, "S T"]) -> list[Pair]:
    """Every pair, the best first; CKA below 0 counts as 0."""
    pairs = [
        Pair(i - len(student), j - len(teacher), own, wanted, alike=max(0.0, float(alike[i, j])))
        for i, own in enumerate(student)
        for j, wanted in enumerate(teacher)
    ]
    return sorted((_marked(pair, pairs) for pair in pairs), key=lambda pair: -pair.score)


def suggested(pairs: Sequence[Pair], centres: int) -> list[Pair]:
    """The suggested ones, the one to try first at the front: those with room, then the others, each backwards from
    the teacher's last stage."""
    found = (pair for pair in pairs if pair.suggested)
    return sorted(found, key=lambda pair: (not pair.has_room(centres), -pair.teacher_stage))


def _marked(pair: Pair, pairs: Sequence[Pair]) -> Pair:
    """The pair, suggested where it is the best of its student's stage and of its teacher's."""
    rivals = [other for other in pairs if pair.stage == other.stage or pair.teacher_stage == other.teacher_stage]
    best = pair.score > 0 and all(pair.score >= other.score for other in rivals)
    return replace(pair, suggested=best)


def _ratio(a: int | float, b: int | float) -> float:
    return min(a, b) / max(a, b) if max(a, b) > 0 else 0.0


def _by(grid: tuple[int, int]) -> str:
    return f"{grid[0]} x {grid[1]}"
