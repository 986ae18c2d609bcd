"""A teacher that has answered before: its answers come from a store, and nobody asks it again."""

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from .. import dist
from ..backbones.load import read_tensors
from ..data.shown import Shown
from ..errors import UserError
from ..progress import Display
from ..signature import build
from ..store.header import EMBEDDING, stage_name
from ..store.layout import CENTRES
from ..store.pictures import pictures_in
from ..store.reader import Reader
from ..store.seal import check_small, damaged
from ..store.subject import BUILD, check_shown, check_teacher
from ..types import Batch, Features
from .contract import AbstractTeacher
from .watched import Watched

HEAD, MEANS = "head", "means"
"""Class centres that a store may keep: the teacher's own classifier's, and the means of its embeddings."""


class Stored(AbstractTeacher):
    """The answers in a store that ``facedistill store build`` has made, for exactly the views of this training.

    Args:
        path: the store.
        teacher: whose answers they must be; whoever the store names where None.
        check: read the whole store before training begins, and refuse it if a bit of it has changed.

    Raises:
        UserError: no store, a damaged one, or one of another teacher.
    """

    def __init__(self, *, path: str | Path, teacher: dict[str, Any] | str | None = None, check: bool = True) -> None:
        super().__init__()
        self._reader, self._folder, self._check = Reader(Path(path)), Path(path), check
        check_small(self._folder)
        self._header = self._reader.header
        self._pictures = pictures_in(self._header)
        self.spec = self._header.spec
        check_teacher(self._header.of["teacher"], teacher, self._folder)

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"embedding", "stages"} if self._header.stages else {"embedding"})

    @property
    def advice(self) -> str:
        return f"; its store {self._folder} holds {self._header.held}: {BUILD}"

    @torch.no_grad()
    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        """What was answered for these views; the images are not looked at."""
        index, view = batch.index.cpu().numpy(), batch.view.cpu().numpy()
        found = self._reader.answers(index, self._pictures.of(index, view))
        answers = {name: rows.to(images.device, non_blocking=True) for name, rows in found.items()}
        if not self._header.stages:
            return Features(answers[EMBEDDING])
        stages = tuple(self._stage(number, answers) for number in range(len(self.spec.stages)))
        if len(self._header.stages) == len(stages):
            return Features(answers[EMBEDDING], stages)
        watched = Watched(stages, self._refuse)
        seen = Features(answers[EMBEDDING], watched)
        watched.armed = True
        return seen

    def _stage(self, number: int, answers: dict[str, Tensor]) -> Tensor:
        """A stage, or something in its place that is not a number."""
        stage, embedding = self.spec.stages[number], answers[EMBEDDING]
        nothing = embedding.new_full((), torch.nan).expand(len(embedding), stage.channels, *stage.grid)
        return answers.get(stage_name(number), nothing)

    def _refuse(self, number: int) -> None:
        if number not in self._header.stages:
            raise UserError(f"A method reads stage {number} of the teacher{self.advice}")

    @torch.no_grad()
    def reference(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
        """Asks the teacher itself, whose weights must then be where the store says."""
        return self._teacher.to(images.device).reference(images)

    @cached_property
    def _teacher(self) -> AbstractTeacher:
        teacher: AbstractTeacher = build("teachers", AbstractTeacher, self._header.of["teacher"]["choice"])
        return teacher

    @cached_property
    def _centres(self) -> dict[str, Tensor]:
        file = self._folder / CENTRES
        return read_tensors(file)[0] if file.is_file() else {}

    def head_centres(self) -> Tensor | None:
        return self._centres.get(HEAD)

    def kept_means(self) -> Tensor | None:
        return self._centres.get(MEANS)

    def check(self, shown: Shown) -> None:
        """Refuse a training that the store does not serve.

        Raises:
            UserError: other faces, views or seed than the store's, more epochs than it has views, or damage.
        """
        check_shown(self._header.of, shown, self._folder)
        lacking = self._pictures.lacking(shown.epochs)
        if lacking:
            raise UserError(
                f"The store {self._folder} holds {self._pictures.count} views of every face and this training shows "
                f"{shown.epochs}, one an epoch: {BUILD}"
            )
        if self._check:
            self._check_bits()

    def _check_bits(self) -> None:
        layout = self._header.layout
        blocks = len(range(dist.rank(), layout.block_count, dist.world()))
        with Display(blocks, title=f"checking {self._folder.name}") as display:
            share = (dist.rank(), dist.world())
            bad = next(damaged(self._folder, layout, share=share, progress=display.advance), None)
        if bad is not None:
            raise UserError(f"The store {self._folder} is damaged ({bad}); build it again.")
