"""Two networks in one space: a phone's student asks, a server's teacher has enrolled.

ProxylessKD's case (Shi et al., 2020, arXiv:2011.00265): the gallery stays as the teacher wrote it, and queries come
from the student. Listed pairs are judged both ways: the first image of a pair by one network and the second by
the other, and the reverse. Over all pairs of a folder both ways hold the same scores, since every pair of images
(i, j) and (j, i) occurs; they share one figure.
"""

import numpy as np
from jaxtyping import Float, Int

from ..errors import UserError
from .figures import Figures, Settings, accuracy_figures, all_pairs_figures
from .pairs import Pairs


def asymmetric_figures(
    student: Float[np.ndarray, "N D"],
    teacher: Float[np.ndarray, "N D2"],
    labels: Int[np.ndarray, " N"],
    pairs: Pairs | None,
    settings: Settings,
) -> dict[str, Figures]:
    """The figures of each network alone and of both against each other, from L2-normalised embeddings.

    Raises:
        UserError: the embedding widths differ.
    """
    if student.shape[1] != teacher.shape[1]:
        raise UserError(
            f"The query network's embeddings are {student.shape[1]} wide and the gallery network's {teacher.shape[1]}; "
            "they can only be compared in one space, so train the student at the teacher's width."
        )
    between = all_pairs_figures(student, teacher, labels, settings)
    return {
        "student": _alone(student, labels, pairs, settings),
        "teacher": _alone(teacher, labels, pairs, settings),
        "student_query_teacher_gallery": _listed(student, teacher, labels, pairs, settings) | between,
        "teacher_query_student_gallery": _listed(teacher, student, labels, pairs, settings) | between,
    }


def _alone(
    embeddings: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], pairs: Pairs | None, settings: Settings
) -> Figures:
    listed = _listed(embeddings, embeddings, labels, pairs, settings)
    return listed | all_pairs_figures(embeddings, None, labels, settings)


def _listed(
    query: Float[np.ndarray, "N D"],
    gallery: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    pairs: Pairs | None,
    settings: Settings,
) -> Figures:
    return {} if pairs is None else accuracy_figures(query, gallery, labels, pairs, settings)
