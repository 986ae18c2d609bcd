"""Everything that is measured of two networks, over the same faces."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ..types import Features, Spec
from .attention import centre_maps
from .cka import CKA
from .faces import mean_face
from .findings import Inspection, StageView
from .receptive_field import centre_px, measured, middle_cell, reach, theoretical
from .subjects import Subject, Subjects
from .suggest import Seen, all_pairs

BATCH = 32
"""Faces seen at once, and samples of a CKA batch."""

Report = Callable[[str, int, int], object]
"""Told what is done: the work's name, steps done, steps in all."""


def look(subjects: Subjects, images: UInt8[Tensor, "N 3 S S"], report: Report) -> Inspection:
    """Measure everything; ``report`` hears of the progress."""
    student = views(subjects.student, images, "student's fields", report)
    teacher = views(subjects.teacher, images, "teacher's fields", report)
    cka = _cka(subjects, images, report)
    alike = cka[: len(student), len(student) + 1 : -1]
    pairs = all_pairs(_seen(student), _seen(teacher), alike)
    centres = None if subjects.urfm is None else centre_maps(subjects.urfm, _answers(subjects, images))
    return Inspection(
        faces=len(images),
        student_is=subjects.student.name,
        teacher_is=subjects.teacher.name,
        trained=subjects.trained,
        face=mean_face(images),
        student=student,
        teacher=teacher,
        cka=cka,
        pairs=pairs,
        centres=centres,
        local_centres=subjects.centres,
    )


def views(subject: Subject, images: UInt8[Tensor, "N 3 S S"], title: str, report: Report) -> list[StageView]:
    """What the middle cell of every stage of one network sees; ``report`` hears of it under this title."""
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
