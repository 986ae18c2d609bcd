"""What an inspection found: for pictures, and as the figures that ``inspect.json`` holds."""

from dataclasses import dataclass
from math import dist
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from .attention import Looks, gaze_difference_px
from .receptive_field import Box, centroid_px, effective_radius_px
from .suggest import Pair, suggested


@dataclass(frozen=True)
class StageView:
    """What the middle cell of a stage sees."""

    grid: tuple[int, int]
    cell_px: tuple[float, float]
    """Where the cell lies: x and y in crop pixels."""
    box: Box
    """Theoretical field."""
    field: Float[Tensor, "S S"]
    """Measured field over the network's own pixels, of sum 1."""

    @property
    def centroid_px(self) -> tuple[float, float]:
        """Where the cell looks: x and y in crop pixels."""
        return centroid_px(self.field)

    @property
    def radius_px(self) -> float:
        """Effective radius."""
        return effective_radius_px(self.field)

    @property
    def offset_px(self) -> float:
        """From where the cell lies to where it looks."""
        return dist(self.cell_px, self.centroid_px)


@dataclass(frozen=True)
class Inspection:
    """Two networks on one mean face."""

    faces: int
    student_is: str
    teacher_is: str
    """What the networks are, for a person."""
    trained: bool
    face: Float[np.ndarray, "S S"]
    student: list[StageView]
    teacher: list[StageView]
    cka: Float[np.ndarray, "M M"]
    """Of the student's stages and embedding, then the teacher's, with each other."""
    pairs: list[Pair]
    centres: tuple[Looks, Looks] | None
    """Of student and teacher."""
    local_centres: int
    """L, of the recipe's URFM or of the default one: what a stage needs room for."""

    @property
    def suggested(self) -> list[Pair]:
        """Pairs to try, the first first."""
        return suggested(self.pairs, self.local_centres)

    def figures(self) -> dict[str, Any]:
        """As ``inspect.json`` has them: lengths are pixels of a 112 px crop."""
        return {
            "faces": self.faces,
            "student_is": self.student_is,
            "teacher_is": self.teacher_is,
            "student_trained": self.trained,
            "student": _stages(self.student),
            "teacher": _stages(self.teacher),
            "cka": {"names": self.names, "values": self.cka.tolist()},
            "pairs": [_pair(pair) for pair in self.pairs],
            "suggested": [{**_pair(pair), "reason": pair.reason(self.local_centres)} for pair in self.suggested],
            "local_centres": None if self.centres is None else _centres(*self.centres),
        }

    @property
    def names(self) -> list[str]:
        """Of the rows and columns of ``cka``."""
        return [*_names("student", len(self.student)), *_names("teacher", len(self.teacher))]


def _names(whose: str, stages: int) -> list[str]:
    return [*(f"{whose} {number}" for number in range(-stages, 0)), f"{whose} embedding"]


def _stages(views: list[StageView]) -> list[dict[str, Any]]:
    return [
        {
            "stage": number - len(views),
            "grid": list(view.grid),
            "theoretical_px": list(view.box.sides_px),
            "effective_radius_px": view.radius_px,
            "cell_px": list(view.cell_px),
            "looks_at_px": list(view.centroid_px),
            "offset_px": view.offset_px,
        }
        for number, view in enumerate(views)
    ]


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "recipe": pair.recipe,
        "stage": pair.stage,
        "teacher_stage": pair.teacher_stage,
        "field": pair.field,
        "grid": pair.grid,
        "alike": pair.alike,
        "score": pair.score,
        "suggested": pair.suggested,
    }


def _centres(student: Looks, teacher: Looks) -> dict[str, Any]:
    return {
        "gaze_difference_px": gaze_difference_px(student, teacher),
        "student": {"spread": student.spread, "variety": student.variety},
        "teacher": {"spread": teacher.spread, "variety": teacher.variety, "on_prompts": teacher.on_prompts},
    }
