"""The gallery of one teacher, in which every network of a comparison searches: ProxylessKD's case."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..backbones.contract import AbstractBackbone
from ..backbones.load import MODEL_FILE, weights_file
from ..errors import UserError
from ..signature import Options, build
from ..teachers.live import open_network
from .file import Comparison
from .plan import Plan


@dataclass(frozen=True)
class Gallery:
    """Who enrolled it."""

    file: Path
    """Its weights; not there before it is trained."""
    backbone: Options | str | None = None
    """Where the file does not say."""

    def network(self) -> AbstractBackbone:
        """The network, with its weights."""
        return open_network(self.file, self.backbone)


def gallery_of(comparison: Comparison, planned: Plan) -> Gallery | None:
    """The gallery that a comparison names, checked before anything trains; None where it names none.

    Raises:
        UserError: a teacher that is no single network or that no row learns from, or a student of another width.
    """
    name = comparison.judge.gallery
    if not name:
        return None
    entry = comparison.teachers[name]
    if "recipe" in entry:
        run = next((run for run in planned.runs if run.name == f"teachers/{name}"), None)
        if run is None:
            raise UserError(f"'judge.gallery' is teacher '{name}', which no row learns from; leave it out.")
        _check_widths(name, build("backbones", AbstractBackbone, run.recipe.model), planned.students.values())
        return Gallery(run.recipe.out / MODEL_FILE)
    if not isinstance(entry.get("weights"), str):
        raise UserError(f"'judge.gallery' needs one network, and teacher '{name}' names no single file of weights.")
    gallery = Gallery(weights_file(entry["weights"]), entry.get("backbone"))
    _check_widths(name, gallery.network(), planned.students.values())
    return gallery


def _check_widths(name: str, teacher: AbstractBackbone, students: Iterable[Options]) -> None:
    wide = teacher.spec.embedding
    for model in students:
        student: AbstractBackbone = build("backbones", AbstractBackbone, model)
        if student.spec.embedding != wide:
            raise UserError(
                f"'judge.gallery' is of teacher '{name}', whose embeddings are {wide} wide, and student "
                f"'{next(iter(model))}' answers {student.spec.embedding}; they can only be compared in one space."
            )
