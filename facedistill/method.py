"""What a distillation method is: an equation over two sets of features."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import nn

from .types import Batch, Features, Terms


class AbstractMethod(nn.Module, ABC):
    """An equation that compares what the student saw with what the teacher saw.

    The constructor takes what it must know by position - any of ``student: Spec``, ``teacher: Spec`` and
    ``classifier: TeacherClassifier`` - and every number of its recipe by keyword, with the paper's default.
    Modules it creates are training modules: they are saved with the run and never with the student.
    """

    uses: ClassVar[frozenset[str]] = frozenset()
    """The teacher's answers it reads, out of ``embedding``, ``stages``, ``prompts``.

    Checked against ``AbstractTeacher.provides`` before training. If no method of a run uses any, the teacher is
    never asked.
    """

    asks_student: ClassVar[frozenset[str]] = frozenset()
    """Further answers of the student it reads: ``cosines``, ``extras["cosines"]``, B K, its own head's without margin
    or scale; ``alone``, ``extras["alone"]`` and ``extras["alone_0"]``, ..., what it is without its assistant (model
    ``residual``)."""

    optional: ClassVar[frozenset[str]] = frozenset()
    """Answers it reads where the teacher gives them."""

    @abstractmethod
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        """The un-weighted terms of the loss."""
