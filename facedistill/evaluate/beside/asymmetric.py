"""Two networks in one space: a phone's student asks, a server's teacher has enrolled.

ProxylessKD's case (Shi et al., 2020, arXiv:2011.00265): the gallery stays as the teacher wrote it, and queries come
from the student. Listed pairs are judged both ways: the first image of a pair by one network and the second by
the other, and the reverse. Over all pairs of a folder both ways hold the same scores, since every pair of images
(i, j) and (j, i) occurs.
"""

from ...errors import UserError
from ...protocols.contract import AbstractProtocol
from ..embeddings.embed import Embeddings
from ..settings import Figures, Settings


def asymmetric_figures(
    protocol: AbstractProtocol, student: Embeddings, teacher: Embeddings, settings: Settings
) -> dict[str, Figures]:
    """The figures of each network alone and of both against each other.

    Raises:
        UserError: the embedding widths differ, or the benchmark's rules know no gallery.
    """
    check_widths(student, teacher)
    sides = {
        "student_query_teacher_gallery": protocol.between(student, teacher, settings),
        "teacher_query_student_gallery": protocol.between(teacher, student, settings),
    }
    between = {name: figures for name, figures in sides.items() if figures is not None}
    if len(between) < len(sides):
        raise UserError(f"{type(protocol).__name__} knows no queries and no gallery; leave out --gallery for it.")
    alone = {"student": protocol.figures(student, settings), "teacher": protocol.figures(teacher, settings)}
    return alone | between


def check_widths(student: Embeddings, teacher: Embeddings) -> None:
    """Refuse two networks that do not answer in one space.

    Raises:
        UserError: their embeddings differ in width.
    """
    widths = student.views.shape[2], teacher.views.shape[2]
    if widths[0] != widths[1]:
        raise UserError(
            f"The query network's embeddings are {widths[0]} wide and the gallery network's {widths[1]}; "
            "they can only be compared in one space, so train the student at the teacher's width."
        )
