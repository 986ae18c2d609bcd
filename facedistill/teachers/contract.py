"""What a teacher is: someone who answers for a batch of images."""

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import UInt8
from torch import Tensor, nn

from ..types import Batch, Features, Spec, Terms
from .classifier import TeacherClassifier


class AbstractTeacher(nn.Module, ABC):
    """Someone who answers for a batch of images. Whatever is frozen in it stays so under ``train()``."""

    spec: Spec

    provides: ClassVar[frozenset[str]]
    """The answers it gives, out of ``embedding``, ``stages``, ``prompts``."""

    @abstractmethod
    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        """The answers. A live teacher reads the images; a stored one reads ``batch.index`` and ``batch.view``."""

    def head_centres(self) -> Tensor | None:
        """The classifier K D that came with the weights, or None where they have none."""
        return None

    def terms(self, features: Features, batch: Batch, classifier: TeacherClassifier) -> Terms:
        """What keeps a teacher that learns a good teacher; nothing for a frozen one."""
        return {}

    @property
    def learns(self) -> bool:
        """Whether anything in it is trained."""
        return any(parameter.requires_grad for parameter in self.parameters())
