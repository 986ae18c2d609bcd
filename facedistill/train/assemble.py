"""From a recipe to the things it names. Nothing is written here, so a bad recipe leaves nothing behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..backbones.contract import AbstractBackbone
from ..backbones.load import start_from
from ..catalogue import Builder, find
from ..data.contract import AbstractFaces
from ..data.mix import Mix
from ..data.mixed import Mixed
from ..data.open import open_faces
from ..data.order import SAMPLERS
from ..data.part import Part, only
from ..data.shown import Shown
from ..data.split import split_identities
from ..data.synthetic import DrawnFaces
from ..data.verified import Verified
from ..data.views import Views
from ..errors import UserError, unknown
from ..heads.contract import AbstractHead
from ..method import AbstractMethod
from ..progress import Display
from ..recipe import DataRecipe, Recipe
from ..signature import Choice, Options, build, call, checked, context_of, one
from ..teachers.class_means import ClassMeans
from ..teachers.classifier import TeacherClassifier
from ..teachers.contract import AbstractTeacher
from .continued import continue_from
from .eight_bits import EightBits
from .objective import Objective
from .optim import OPTIMISERS
from .questions import refuse_unanswered
from .schedule import SCHEDULES

CONTRACTS: Mapping[str, tuple[str, type]] = {
    "model": ("backbones", AbstractBackbone),
    "head": ("heads", AbstractHead),
    "teacher": ("teachers", AbstractTeacher),
    "method": ("methods", AbstractMethod),
}
"""Where each choice of a recipe finds its names."""

TABLES: Mapping[str, Mapping[str, Builder]] = {
    "optimiser": OPTIMISERS,
    "schedule": SCHEDULES,
    "data.sampler": SAMPLERS,
}

DATA_OPTIONS: Mapping[str, Builder] = {"views": Views, "drawn": DrawnFaces, "mix": Mix, "part": Part}
"""What the options under a key of ``data`` build."""


@dataclass(frozen=True)
class Sets:
    """The faces of a run."""

    training: AbstractFaces
    """Labelled and unlabelled ones."""
    labelled: AbstractFaces
    """The labelled part of it."""
    validation: AbstractFaces | None
    """Identities kept out of training."""


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with every name looked up, every option checked and every default written out.

    Raises:
        UserError: an unknown name or option, named with the nearest known one.
    """
    changes: dict[str, object] = {
        key: _resolved(key, choice)
        for key in ("model", "head", "teacher", "optimiser", "schedule")
        if (choice := getattr(recipe, key)) is not None
    }
    changes["method"] = {
        name: checked(_builder("method", name), options, where=name) for name, options in recipe.method.items()
    }
    changes["data"] = _resolved_data(recipe.data)
    return recipe.model_copy(update=changes)


def _resolved(key: str, choice: Choice) -> Choice:
    name, options = one(choice, key)
    return {name: checked(_builder(key, name), options, where=name)}


def _resolved_data(data: DataRecipe) -> DataRecipe:
    options = {
        key: checked(builder, given, where=f"data.{key}")
        for key, builder in DATA_OPTIONS.items()
        if (given := getattr(data, key)) is not None
    }
    return data.model_copy(update={**options, "sampler": _resolved("data.sampler", data.sampler)})


def load_faces(recipe: Recipe) -> Sets:
    """The faces a recipe names, decoded once, split into training and validation identities."""
    data = recipe.data
    everyone = _verified(all_faces(data), "reading faces")
    labelled, validation = everyone, None
    if data.validation_identities:
        labelled, validation = split_identities(everyone, data.validation_identities, data.validation_seed)
    if data.part is not None:
        labelled = only(labelled, call(Part, data.part, where="data.part").of(everyone))
    others = [_verified(open_faces(path, labelled=False), f"reading {path.name}") for path in data.unlabelled]
    return Sets(Mixed(labelled, others) if others else labelled, labelled, validation)


def build_objective(
    recipe: Recipe, faces: AbstractFaces, device: torch.device, shown: Shown | None = None
) -> Objective:
    """Network, head, methods and teacher of a recipe, on ``device``; its teacher must have answers for ``shown``."""
    model = build("backbones", AbstractBackbone, recipe.model)
    if recipe.initial is not None:
        start_from(model, recipe.initial)
    teacher = None if recipe.teacher is None else build("teachers", AbstractTeacher, recipe.teacher).to(device)
    if teacher is not None and shown is not None:
        teacher.check(shown)
    classifier = None if teacher is None else _classifier(teacher, faces, device)
    context = {"embedding": model.spec.embedding, "identities": len(faces.identities), "student": model.spec}
    if teacher is not None:
        context |= {"teacher": teacher.spec, "classifier": classifier}
    methods = {name: _method(name, options, teacher, context) for name, options in recipe.method.items()}
    head = None if recipe.head is None else build("heads", AbstractHead, recipe.head, **context)
    if teacher is not None and not methods and not _inherits(recipe):
        raise UserError("Nothing in this recipe learns from its teacher; give it a 'method', or the head 'inherited'.")
    eight_bits = EightBits(model) if recipe.training.eight_bits else None
    objective = Objective(model, head, methods, teacher, classifier, eight_bits).to(device)
    if recipe.continues is not None:
        continue_from(objective, recipe.continues)
    return objective


def shown_in(recipe: Recipe, faces: AbstractFaces) -> Shown:
    """What a training by ``recipe``, resolved, shows of ``faces``."""
    data = recipe.data
    views = call(Views, data.views, where="data.views")
    mix = None if data.mix is None else call(Mix, data.mix, where="data.mix")
    return Shown(faces, views, mix, recipe.seed, recipe.training.epochs)


def _builder(key: str, name: str) -> Builder:
    if key in CONTRACTS:
        return find(*CONTRACTS[key], name)
    if name not in TABLES[key]:
        raise unknown(key, name, TABLES[key])
    return TABLES[key][name]


def _method(name: str, options: Options, teacher: AbstractTeacher | None, context: Mapping[str, Any]) -> AbstractMethod:
    """A method, refused before it is built where its class tells that its teacher cannot answer it."""
    builder = _builder("method", name)
    if teacher is not None and isinstance(builder, type) and issubclass(builder, AbstractMethod):
        refuse_unanswered(name, builder.uses, teacher)
    method: AbstractMethod = call(builder, options, where=name, **context)
    return method


def _inherits(recipe: Recipe) -> bool:
    """Whether the head takes over the teacher's classifier."""
    return recipe.head is not None and "classifier" in context_of(_builder("head", one(recipe.head, "head")[0]))


def all_faces(data: DataRecipe) -> AbstractFaces:
    """The labelled faces that a recipe names, before anybody is kept out of training."""
    if data.drawn is not None:
        return call(DrawnFaces, data.drawn, where="data.drawn")
    assert data.root is not None, "a recipe has a root or drawn faces"
    return open_faces(data.root)


def _verified(faces: AbstractFaces, title: str) -> AbstractFaces:
    """All files looked at once, and their pixels kept where they fit."""
    with Display(len(faces), title=title) as display:
        verified = Verified(faces, progress=display.advance)
        for reason in verified.unreadable:
            display.say(f"Replaced by its neighbour, cannot be read: {reason}")
    return verified


def _classifier(teacher: AbstractTeacher, faces: AbstractFaces, device: torch.device) -> TeacherClassifier:
    means, parted = ClassMeans(teacher, faces, device), teacher.parted_head()
    if parted is None:
        return TeacherClassifier(len(faces.identities), teacher.head_centres(), means)
    head = parted.ordered(faces.identities)
    return TeacherClassifier(len(faces.identities), head.centres, means, head.subsets)
