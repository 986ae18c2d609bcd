"""Specialist teachers: one for each subset of the identities, as in RSKD, Relational Subsets Knowledge Distillation. Ju
et al. MICCAI 2021. arXiv:2104.11057

    z_T = [ ẑ_T,1 ... ẑ_T,n ]        side by side, each of length 1
    W_T = diag( W_T,1 ... W_T,n )    an identity's centre lies in its own specialist's part, so z_T · w_j is that one's
                                     cosine

A network that only ever had to tell the rare people apart has not learned to overlook them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor, nn

from ..backbones.load import read_tensors, weights_file
from ..errors import UserError
from ..types import Batch, Features, Spec
from .classifier import PartedHead
from .contract import AbstractTeacher
from .frozen import HEAD_FILE, head_beside
from .live import Live


class Specialists(AbstractTeacher):
    """Several frozen networks; their unit embeddings side by side, B ΣD.

    Args:
        weights: a run folder for each, trained on its own part of the identities (``data.part``).
        precision: what they compute in; they answer in float32.

    Raises:
        UserError: fewer than two, one that is missing or unreadable, a classifier that names nobody, or one person
            whom two of them know.
    """

    def __init__(self, *, weights: list[str | Path], precision: Literal["fp32", "bf16"] = "fp32") -> None:
        super().__init__()
        if len(weights) < 2:
            raise UserError(
                f"Teacher 'specialists' needs two run folders or more; it has {len(weights)}. One is 'live'."
            )
        self.members = nn.ModuleList(Live(weights=each, precision=precision) for each in weights)
        self.spec = Spec(sum(member.spec.embedding for member in self._each), (), self._each[0].spec.size_px)
        self._head = _parted([weights_file(each) for each in weights])

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"embedding"})

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(file for member in self._each for file in member.files)

    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        return Features(torch.cat([F.normalize(member(images, batch).embedding) for member in self.members], dim=1))

    def parted_head(self) -> PartedHead | None:
        return self._head

    @property
    def _each(self) -> list[Live]:
        return [member for member in self.members if isinstance(member, Live)]


def _parted(files: Sequence[Path]) -> PartedHead | None:
    """The specialists' classifiers as one; None where one of them has none."""
    heads = [head_beside(file) for file in files]
    centres = [F.normalize(head) for head in heads if head is not None]
    if len(centres) < len(files):
        return None
    names = [_names_beside(file) for file in files]
    known: dict[str, Path] = {}
    for file, people in zip(files, names, strict=True):
        for name in people:
            if name in known:
                raise UserError(f"Both {known[name]} and {file} know the identity '{name}'; specialists share nobody.")
            known[name] = file
    subsets = torch.cat([torch.full((len(people),), number) for number, people in enumerate(names)])
    return PartedHead(torch.block_diag(*centres), tuple(known), subsets)


def _names_beside(weights: Path) -> list[str]:
    file = weights.with_name(HEAD_FILE)
    names: list[str] = json.loads(read_tensors(file)[1].get("identities", "[]"))
    if not names:
        raise UserError(f"{file} does not say whose centres it holds; specialists are run folders of this program.")
    return names
