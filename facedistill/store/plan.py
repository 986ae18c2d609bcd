"""What a store for a recipe will hold, of which size it is, and how long its teacher takes; nothing is written."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..catalogue import find
from ..data.loader import Loaded, replay
from ..data.shown import Shown
from ..device import choose_device
from ..errors import UserError
from ..recipe import Recipe
from ..signature import one
from ..teachers.class_means import ClassMeans
from ..teachers.contract import AbstractTeacher
from ..teachers.stored import HEAD, MEANS, Stored
from ..train.assemble import build_objective, load_faces, resolve, shown_in
from ..train.loop import on_device
from ..train.objective import Objective
from ..train.prepare import Load
from ..types import Features, Spec
from .codec import CODECS
from .header import EMBEDDING, Header, read_header, stage_name
from .layout import laid_out
from .needs import stages_read
from .pictures import AbstractPictures, pictures_of
from .subject import faces_digest, resolved_teacher, shown_words, teacher_words

Numbers = Int[np.ndarray, " _"]

BATCH = 128
"""Images that the teacher is asked at once."""


@dataclass(frozen=True)
class Asking:
    """A teacher, and every picture that it will be asked about."""

    shown: Shown
    pictures: AbstractPictures
    teacher: AbstractTeacher
    device: torch.device
    workers: int

    def answers(self, picture: int, batches: Sequence[Numbers]) -> Iterator[Features]:
        """Its answers for ``picture`` of the samples in each batch."""
        for images, about in self.images(picture, batches):
            with torch.no_grad():
                seen: Features = self.teacher(images.to(self.device), on_device(about, self.device, 0.0))
            yield seen

    def images(self, picture: int, batches: Sequence[Numbers]) -> Loaded:
        """The pixels it is asked about."""
        (views, number), shown = self.pictures.drawn(picture), self.shown
        keys = [(number, index) for index in batches]
        return replay(shown.faces, views, keys, seed=shown.seed, mix=shown.mix, workers=self.workers)


def in_batches(start: int, stop: int) -> list[Numbers]:
    """Samples from ``start`` up to ``stop``, in batches."""
    return [np.arange(at, min(at + BATCH, stop)) for at in range(start, stop, BATCH)]


@dataclass(frozen=True)
class Plan:
    """A store that is to be written."""

    header: Header
    asking: Asking
    centres: Mapping[str, Tensor]
    """Class centres to keep with it."""
    images_per_s: float
    """Measured, views and all."""

    @property
    def seconds(self) -> float:
        """How long the whole takes."""
        return self.header.layout.answers / self.images_per_s


def plan_store(
    recipe: Recipe, *, hold: Sequence[str] = (), dtype: Literal["fp16", "int8"] = "fp16", load: Load = load_faces
) -> Plan:
    """A store for trainings by ``recipe``.

    Args:
        hold: answers to hold, ``embedding``, ``stages`` or ``stages:-2``; what the recipe's methods read where none
            is named. The embedding is always held.

    Raises:
        UserError: a recipe without a teacher, or with one whose answers change; an answer that it does not give.
    """
    recipe = with_live_teacher(resolve(recipe))
    device = choose_device(recipe.training.device)
    torch.manual_seed(recipe.seed)
    sets = load(recipe)
    shown = shown_in(recipe, sets.training)
    objective = build_objective(recipe, sets.labelled, device)
    asking = asking_for(shown, _constant(objective.teacher), device, recipe.data.workers)
    stages = _stages_named(hold, asking.teacher.spec) if hold else _stages_read(objective, asking)
    header = _header(recipe, asking, stages, dtype)
    return Plan(header, asking, _centres(objective), _rate(asking))


def asking_for(shown: Shown, teacher: AbstractTeacher, device: torch.device, workers: int) -> Asking:
    """The fewest pictures that serve a training."""
    pictures = pictures_of(shown.views, shown.mix, shown.seed, shown.epochs)
    return Asking(shown, pictures, teacher, device, workers)


def with_live_teacher(recipe: Recipe) -> Recipe:
    """``recipe``, resolved, with the teacher behind a store in the store's place.

    Raises:
        UserError: there is no teacher.
    """
    if recipe.teacher is None:
        raise UserError("This recipe has no teacher whose answers could be stored; give it one.")
    name, options = one(recipe.teacher, "teacher")
    if find("teachers", AbstractTeacher, name) is not Stored:
        return recipe
    choice = options["teacher"] or read_header(options["path"]).of["teacher"]["choice"]
    return recipe.model_copy(update={"teacher": resolved_teacher(choice)})


def store_of(recipe: Recipe) -> Path | None:
    """Where the recipe looks for a store."""
    name, options = one(recipe.teacher or "", "teacher")
    stored = recipe.teacher is not None and find("teachers", AbstractTeacher, name) is Stored
    return Path(options["path"]) if stored and "path" in options else None


def _constant(teacher: AbstractTeacher | None) -> AbstractTeacher:
    if teacher is None or not teacher.constant:
        raise UserError(
            "The answers of this teacher change while the student learns, so a store of them would be wrong after a "
            "step; only teachers that stay as they are, such as 'live', can be stored."
        )
    return teacher


def _stages_read(objective: Objective, asking: Asking) -> tuple[int, ...]:
    images, batch = next(iter(asking.images(0, [np.arange(2)])))
    return stages_read(objective, images.to(asking.device), on_device(batch, asking.device, 0.0))


def _stages_named(hold: Sequence[str], spec: Spec) -> tuple[int, ...]:
    """Stages of ``stages`` and ``stages:-2``."""
    found: set[int] = set()
    for answer in hold:
        name, _, number = answer.partition(":")
        known = [*range(-len(spec.stages), len(spec.stages))]
        wanted = known if not number else [stage for stage in known if str(stage) == number]
        if name not in ("embedding", "stages") or (name == "embedding" and number) or (number and not wanted):
            raise UserError(
                f"'{answer}' cannot be held; name embedding, stages or stages:N, where N is from 0 to "
                f"{len(spec.stages) - 1}, or from -1 backwards."
            )
        found |= {stage % len(spec.stages) for stage in wanted} if name == "stages" else set()
    return tuple(sorted(found))


def _header(recipe: Recipe, asking: Asking, stages: Sequence[int], dtype: str) -> Header:
    spec, shown = asking.teacher.spec, asking.shown
    shapes = {stage_name(number): (spec.stages[number].channels, *spec.stages[number].grid) for number in stages}
    answers: dict[str, tuple[int, ...]] = {EMBEDDING: (spec.embedding,), **shapes}
    columns = [column for answer, shape in answers.items() for column in CODECS[dtype].columns(answer, shape)]
    of = {
        "faces": faces_digest(shown.faces),
        "shown": shown_words(shown),
        "teacher": teacher_words(recipe.teacher or {}, asking.teacher),
    }
    layout = laid_out(columns, len(shown.faces), asking.pictures.count)
    return Header(layout, dtype, spec, answers, of, recipe.model_dump(mode="json"))


def _centres(objective: Objective) -> dict[str, Tensor]:
    """The class centres that training would ask for."""
    classifier = objective.classifier
    if classifier is None:
        return {}
    means = classifier.class_means.made if isinstance(classifier.class_means, ClassMeans) else None
    head = classifier.head_centres
    found = {MEANS: means, HEAD: head if head is not None and len(head) == classifier.identities else None}
    return {name: centres for name, centres in found.items() if centres is not None}


def _rate(asking: Asking) -> float:
    """Images a second, of a batch after one to warm up."""
    count = min(BATCH, len(asking.shown.faces))
    begun = 0.0
    for seen in asking.answers(0, [np.arange(min(8, count)), np.arange(count)]):
        float(seen.embedding.sum())  # waits for the device
        elapsed_s, begun = time.perf_counter() - begun, time.perf_counter()
    return count / elapsed_s
