"""What a teacher is: someone who answers for a batch of images."""

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone
from ..data.shown import Shown
from ..types import UNLABELLED, Batch, Features, Spec, Terms
from .classifier import PartedHead, TeacherClassifier


class AbstractTeacher(nn.Module, ABC):
    """Someone who answers for a batch of images. Whatever is frozen in it stays so under ``train()``."""

    spec: Spec

    @property
    @abstractmethod
    def provides(self) -> frozenset[str]:
        """The answers it gives, out of ``embedding``, ``stages``, ``prompts``."""

    @abstractmethod
    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        """The answers. A live teacher reads the images; a stored one reads ``batch.index`` and ``batch.view``."""

    @torch.no_grad()
    def reference(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
        """Embeddings of the teacher as it came, whatever it has learned since: what class means are made of."""
        return self.forward(images, _nothing_known(images)).embedding

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that decide what it answers."""
        return ()

    @property
    def network(self) -> AbstractBackbone | None:
        """The frozen network behind its answers; None where there is none to show."""
        return None

    @property
    def constant(self) -> bool:
        """Whether it answers for a picture the same throughout a training, so that a store can keep it."""
        return not self.learns

    @property
    def advice(self) -> str:
        """What to do where it does not give what a method asks for; the end of a sentence."""
        return ""

    def check(self, shown: Shown) -> None:
        """Refuse a training that it has no answers for; one that looks at the images has some for all.

        Raises:
            UserError: says why, and what to do.
        """

    def kept_means(self) -> Tensor | None:
        """Class means over the training set, K D, where it has them already."""
        return None

    def head_centres(self) -> Tensor | None:
        """The classifier K D that came with the weights, or None where they have none."""
        return None

    def parted_head(self) -> PartedHead | None:
        """Instead of that, with names, for a teacher of several networks that each know some of the identities."""
        return None

    def terms(self, features: Features, batch: Batch, classifier: TeacherClassifier) -> Terms:
        """What keeps a teacher that learns a good teacher; nothing for a frozen one."""
        return {}

    @property
    def learns(self) -> bool:
        """Whether anything in it is trained."""
        return any(parameter.requires_grad for parameter in self.parameters())


def _nothing_known(images: Tensor) -> Batch:
    nobody = torch.full((len(images),), UNLABELLED, device=images.device)
    return Batch(labels=nobody, index=nobody, view=nobody, progress=torch.zeros((), device=images.device))
