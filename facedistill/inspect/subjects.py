"""The two networks to look at, before training or after, and the local centres of a run."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone, Preprocess
from ..backbones.load import MODEL_FILE, load_backbone, read_tensors
from ..catalogue import find
from ..errors import UserError, one_line
from ..method import AbstractMethod
from ..methods.urfm import URFM
from ..recipe import Recipe
from ..signature import build, checked
from ..teachers.classifier import TeacherClassifier
from ..teachers.contract import AbstractTeacher
from ..teachers.frozen import AbstractFrozen
from ..teachers.prompted import Prompted
from ..types import Spec
from .receptive_field import See


@dataclass(frozen=True)
class Subject:
    """A network that answers with gradients to the pixels, and none to its weights."""

    name: str
    """For a person: what it is, and the size of its pictures."""
    spec: Spec
    preprocess: Preprocess
    see: See


@dataclass(frozen=True)
class Subjects:
    """A student and its teacher."""

    student: Subject
    teacher: Subject
    urfm: URFM | None
    """With the local centres that a run has learned; None where it has none, or has not begun."""
    centres: int
    """L of the recipe's URFM, or of the default one."""
    trained: bool


def open_subjects(recipe: Recipe, checkpoint: Path | None = None) -> Subjects:
    """The networks of ``recipe``, on the CPU.

    Args:
        checkpoint: ``objective.safetensors`` of the recipe's run; without it the student, and prompts, are those that
            training would begin with, unless the run's folder holds the trained student.

    Raises:
        UserError: no teacher, one that shows no stages, or weights that do not fit.
    """
    state = {} if checkpoint is None else read_tensors(checkpoint)[0]
    torch.manual_seed(recipe.seed)
    network, trained = _student(recipe, state)
    teacher = _teacher(recipe, state)
    student = _subject(network)
    urfm = _urfm(recipe, state, student.spec, teacher.spec)
    return Subjects(student, _shown(teacher), urfm, _count(recipe), trained)


def _student(recipe: Recipe, state: dict[str, Tensor]) -> tuple[AbstractBackbone, bool]:
    if (recipe.out / MODEL_FILE).is_file():
        return load_backbone(recipe.out), True
    network: AbstractBackbone = build("backbones", AbstractBackbone, recipe.model)
    weights = _part(state, "model.")
    if weights:
        _load(network, weights, recipe)
    return network, bool(weights)


def _teacher(recipe: Recipe, state: dict[str, Tensor]) -> AbstractTeacher:
    if recipe.teacher is None:
        raise UserError("This recipe has no teacher, and stages are compared with a teacher's; give it one.")
    teacher: AbstractTeacher = build("teachers", AbstractTeacher, recipe.teacher)
    if "stages" not in teacher.provides:
        raise UserError(
            f"This teacher gives {', '.join(sorted(teacher.provides))} and no stages to look at; give a safetensors "
            "file or a run folder as its weights."
        )
    if prompts := _part(state, "teacher."):
        _load(teacher, prompts, recipe)
    return teacher


def _shown(teacher: AbstractTeacher) -> Subject:
    """The teacher's network as it answers in training, in float32."""
    if isinstance(teacher, AbstractFrozen):
        return _subject(teacher.frozen.network)
    if isinstance(teacher, Prompted):
        trunk = teacher.trunk.awake()
        prompts = {int(slot): prompt.detach() for slot, prompt in teacher.prompts.items()}
        name = f"{_name(trunk)} with prompts"
        return Subject(name, teacher.spec, trunk.preprocess, lambda pixels: trunk.features(pixels, prompts))
    raise UserError("Only teachers 'live' and 'prompted' show gradients to the pixels; use one of them.")


def _subject(network: AbstractBackbone) -> Subject:
    network.eval().requires_grad_(False)
    return Subject(_name(network), network.spec, network.preprocess, network.features)


def _name(network: AbstractBackbone) -> str:
    return f"{type(network).__name__.strip('_')} at {network.spec.size_px} px"


def _urfm(recipe: Recipe, state: dict[str, Tensor], student: Spec, teacher: Spec) -> URFM | None:
    """The recipe's URFM with what the run has learned; its class centres, which no map reads, stay zero."""
    classifier = TeacherClassifier(1, None, lambda: torch.zeros(1, teacher.embedding))
    for name, options in recipe.method.items():
        learned = _part(state, f"methods.{name.rpartition('.')[2]}.mapping.")
        if learned:
            context = {"student": student, "teacher": teacher, "classifier": classifier}
            method = build("methods", AbstractMethod, {name: options}, **context)
            if isinstance(method, URFM):
                _load(method.mapping, learned, recipe)
                return method.eval().requires_grad_(False)
    return None


def _count(recipe: Recipe) -> int:
    """How many local centres the recipe's URFM has; without one, as many as it would have."""
    options = [own for name, own in recipe.method.items() if find("methods", AbstractMethod, name) is URFM]
    return int(checked(URFM, options[0] if options else {}, where="urfm")["centres"])


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _load(module: nn.Module, weights: dict[str, Tensor], recipe: Recipe) -> None:
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        reason = one_line(error)
        raise UserError(f"The checkpoint in {recipe.out} was written by another recipe: {reason}") from None
