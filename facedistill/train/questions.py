"""Whether a teacher can answer what a method asks, said before anything is trained."""

from collections.abc import Mapping

from ..errors import UserError
from ..teachers.contract import AbstractTeacher

WHO_CAN: Mapping[str, str] = {
    "stages": "any network but an ONNX file gives stages, as teacher live, prompted or snapshots",
    "prompts": "teacher prompted gives prompts, where some enter the last stage",
}
"""An embedding is given by all."""


def refuse_unanswered(name: str, uses: frozenset[str], teacher: AbstractTeacher | None) -> None:
    """Refuse method ``name`` where its teacher cannot give what it ``uses``.

    Raises:
        UserError: says what is missing, and who gives it.
    """
    missing = uses - (frozenset() if teacher is None else teacher.provides)
    if not missing:
        return
    needed = f"Method '{name}' needs the teacher's {', '.join(sorted(missing))}, but"
    if teacher is None:
        raise UserError(f"{needed} there is no teacher; add 'teacher' to the recipe.")
    advice = teacher.advice or "".join(f"; {WHO_CAN[answer]}" for answer in sorted(missing) if answer in WHO_CAN)
    raise UserError(f"{needed} the teacher gives {', '.join(sorted(teacher.provides))}{advice}.")
