"""A finished run, read back from its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..backbones.load import weights_file
from ..compare.folder import KEPT
from ..config import load_recipe
from ..errors import UserError
from ..evaluate.embeddings.source import NetworkSource
from ..page import PAGE
from ..recipe import Recipe
from ..signature import build
from ..teachers.contract import AbstractTeacher
from ..train.log import read_lines
from ..train.resume import result_of


@dataclass(frozen=True)
class FinishedRun:
    """What a training left."""

    folder: Path
    recipe: Recipe
    """Resolved, as ``config.yaml`` has it."""
    result: Mapping[str, Any]
    environment: Mapping[str, Any]
    log: Sequence[Mapping[str, float | int]]
    """Lines of ``metrics.jsonl``."""

    @property
    def name(self) -> str:
        return name_of(self.folder)

    @property
    def weights(self) -> Path:
        return weights_file(self.folder)

    @property
    def verb(self) -> str:
        """The command that trains such a recipe."""
        return "train" if self.recipe.teacher is None else "distill"


def name_of(model: Path) -> str:
    """The last two parts of a path: runs are often called by their seed, below what they are."""
    return "/".join(model.absolute().parts[-2:])


def open_run(folder: Path) -> FinishedRun:
    """The run in a folder.

    Raises:
        UserError: no run, one that has not finished, or a comparison, which has a page of its own.
    """
    if (folder / KEPT).is_file():
        raise UserError(
            f"{folder} is a comparison, whose page is {folder / PAGE}; give one of the runs in {folder}/runs."
        )
    result = result_of(folder)
    if result is None or not (folder / "config.yaml").is_file():
        raise UserError(f"{folder} holds no finished run; give a folder that `train` or `distill` has filled.")
    file = folder / "environment.json"
    environment = json.loads(file.read_text()) if file.is_file() else {}
    log = tuple(read_lines(folder / "metrics.jsonl"))
    return FinishedRun(folder, load_recipe(folder / "config.yaml"), result, environment, log)


def teacher_of(run: FinishedRun) -> NetworkSource:
    """What the teacher answers, as it came: without prompts or whatever else it has learned in the run.

    Raises:
        UserError: its weights are not where the recipe says, or do not fit.
    """
    teacher: AbstractTeacher = build("teachers", AbstractTeacher, run.recipe.teacher or {})
    return NetworkSource(teacher.eval().reference)
