"""Everything that is measured of two networks, over the same faces."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from math import dist
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ..types import Features, Spec
from .attention import Looks, centre_maps, gaze_difference_px
from .cka import CKA
from .faces import mean_face
from .receptive_field import Box, centre_px, centroid_px, effective_radius_px, measured, middle_cell, reach, theoretical
from .subjects import Subject, Subjects
from .suggest import Pair, Seen, all_pairs, suggested

BATCH = 32
"""Faces seen at once, and samples of a CKA batch."""

Report = Callable[[str, int, int], object]
"""Told what is done: the work's name, steps done, steps in all."""


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
    trained: bool
    face: Float[np.ndarray, "S S"]
    student: list[StageView]
    teacher: list[StageView]
    cka: Float[np.ndarray, "M M"]
    """Of the student's stages and embedding, then the teacher's, with each other."""
    pairs: list[Pair]
    centres: tuple[Looks, Looks] | None
    """Of student and teacher."""

    def figures(self) -> dict[str, Any]:
        """As ``inspect.json`` has them: lengths are pixels of a 112 px crop."""
        return {
            "faces": self.faces,
            "student_trained": self.trained,
            "student": _stages(self.student),
            "teacher": _stages(self.teacher),
            "cka": {"names": self.names, "values": self.cka.tolist()},
            "pairs": [_pair(pair) for pair in self.pairs],
            "suggested": [pair.recipe for pair in suggested(self.pairs)],
            "local_centres": None if self.centres is None else _centres(*self.centres),
        }

    @property
    def names(self) -> list[str]:
        """Of the rows and columns of ``cka``."""
        return [*_names("student", len(self.student)), *_names("teacher", len(self.teacher))]


def look(subjects: Subjects, images: UInt8[Tensor, "N 3 S S"], report: Report) -> Inspection:
    """Measure everything; ``report`` hears of the progress."""
    student = _views(subjects.student, images, "student's fields", report)
    teacher = _views(subjects.teacher, images, "teacher's fields", report)
    cka = _cka(subjects, images, report)
    alike = cka[: len(student), len(student) + 1 : -1]
    pairs = all_pairs(_seen(student), _seen(teacher), alike)
    centres = None if subjects.urfm is None else centre_maps(subjects.urfm, _answers(subjects, images))
    return Inspection(len(images), subjects.trained, mean_face(images), student, teacher, cka, pairs, centres)


def _views(subject: Subject, images: Tensor, title: str, report: Report) -> list[StageView]:
    spec, batches = subject.spec, images.split(BATCH)
    cells = [middle_cell(spec, stage) for stage in range(len(spec.stages))]

    def prepared() -> Iterator[Tensor]:
        for done, batch in enumerate(batches):
            yield subject.preprocess(batch)
            report(title, done + 1, len(batches))

    fields = measured(subject.see, prepared(), cells)
    read = reach(subject.see, spec.size_px)
    return [_view(spec, stage, cells[stage], read[stage], fields[stage]) for stage in range(len(cells))]


def _view(
    spec: Spec, stage: int, cell: tuple[int, int], read: tuple[Tensor, Tensor], field: Float[Tensor, "S S"]
) -> StageView:
    return StageView(spec.stages[stage].grid, centre_px(spec, stage, cell), theoretical(*read, cell), field)


@torch.no_grad()
def _answers(subjects: Subjects, images: Tensor) -> Iterator[tuple[Features, Features]]:
    """What student and teacher saw of each batch."""
    student, teacher = subjects.student, subjects.teacher
    for batch in images.split(BATCH):
        yield student.see(student.preprocess(batch)), teacher.see(teacher.preprocess(batch))


def _cka(subjects: Subjects, images: Tensor, report: Report) -> Float[np.ndarray, "M M"]:
    """Over full batches: the estimate of a smaller one would weigh as much and say less."""
    batches = len(images) // BATCH
    cka = CKA(len(subjects.student.spec.stages) + len(subjects.teacher.spec.stages) + 2)
    for done, (own, wanted) in enumerate(_answers(subjects, images[: batches * BATCH])):
        cka.add([*own.stages, own.embedding, *wanted.stages, wanted.embedding])
        report("CKA", done + 1, batches)
    return cka.matrix().numpy()


def _seen(views: list[StageView]) -> list[Seen]:
    return [Seen(view.grid, view.radius_px) for view in views]


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
    return {"recipe": pair.recipe, **asdict(pair), "score": pair.score}


def _centres(student: Looks, teacher: Looks) -> dict[str, Any]:
    return {
        "gaze_difference_px": gaze_difference_px(student, teacher),
        "student": {"spread": student.spread, "variety": student.variety},
        "teacher": {"spread": teacher.spread, "variety": teacher.variety, "on_prompts": teacher.on_prompts},
    }
