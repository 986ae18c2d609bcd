"""What a recipe will take with so many identities and processes, in each process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from ..data.synthetic import DrawnFaces
from ..device import choose_device
from ..heads.contract import AbstractHead
from ..heads.margin import MarginHead
from ..method import AbstractMethod
from ..recipe import Recipe
from ..signature import build, call, one
from ..teachers.classifier import TeacherClassifier
from ..teachers.contract import AbstractTeacher
from ..train.assemble import TABLES, build_objective, resolve
from ..train.objective import Objective
from ..train.optim import parameter_groups
from .held import Crowd, Held, held_by, slots_of
from .probe import LABELLED, Networks, kept_logits, logit_seconds, networks, weight_seconds

PROBED_SAMPLES, PROBED_IDENTITIES = 256, 2048


@dataclass(frozen=True)
class Plan:
    """Of one process."""

    held: Mapping[str, Held]
    """By part."""
    seconds: Mapping[str, float]
    """Of one step, by what it is spent on."""

    @property
    def total(self) -> Held:
        return sum(self.held.values(), Held())


def plan(recipe: Recipe, identities: int, world: int, gbit_per_s: float) -> Plan:
    """Count bytes and estimate seconds; three turns of the networks on a few images are taken on this machine.

    Args:
        recipe: its batch is that of one process.
        world: processes.
        gbit_per_s: what goes between two of them.

    Raises:
        UserError: anything about the recipe or its weights that cannot work.
    """
    recipe = resolve(recipe)
    crowd = Crowd(identities, world, recipe.training.batch)
    device = choose_device(recipe.training.device)
    objective = _small(recipe, device)
    parts = _Parts(recipe, objective)
    slots = slots_of(parts.optimiser)
    counted = _counted(parts, slots, crowd)
    measured = networks(objective, objective.model.spec.size_px, device)
    held = {**counted, "activations": Held(activations=measured.kept_bytes(crowd.batch))}
    return Plan(held, _seconds(parts, held, crowd, measured, device, gbit_per_s))


def _small(recipe: Recipe, device: torch.device) -> Objective:
    """Student, teacher and methods among a handful of people."""
    size_px = build("backbones", nn.Module, recipe.model).spec.size_px
    faces = DrawnFaces(identities=LABELLED, images_per_identity=2, size_px=size_px)
    # A head of no weight: the recipe's own is measured apart, and one that inherits keeps a teacher without methods.
    head = {"cosface": {}} if recipe.method or recipe.teacher is None else {"inherited": {"centres": "best"}}
    return build_objective(recipe.model_copy(update={"head": head}), faces, device)


@dataclass(frozen=True)
class _Parts:
    """What is built for any number of identities."""

    recipe: Recipe
    objective: Objective

    def context(self, identities: int) -> dict[str, Any]:
        student, teacher = self.objective.model.spec, self.objective.teacher
        found = {"embedding": student.embedding, "identities": identities, "student": student}
        if teacher is not None:
            centres = torch.eye(identities, teacher.spec.embedding)
            subsets = torch.arange(identities) % 2
            found |= {
                "teacher": teacher.spec,
                "classifier": TeacherClassifier(identities, centres, lambda: centres, subsets),
            }
        return found

    def head(self, identities: int) -> AbstractHead | nn.Identity:
        if self.recipe.head is None:
            return nn.Identity()
        head: AbstractHead = build("heads", AbstractHead, self.recipe.head, **self.context(identities))
        return head

    def methods(self, identities: int) -> nn.Module:
        context = self.context(identities)
        chosen = self.recipe.method.items()
        return nn.ModuleList(build("methods", AbstractMethod, {name: options}, **context) for name, options in chosen)

    def optimiser(self, weight: nn.Parameter) -> Optimizer:
        name, options = one(self.recipe.optimiser, "optimiser")
        holder = nn.ParameterList([weight])
        groups = parameter_groups({"model": holder}, {})
        built: Optimizer = call(TABLES["optimiser"][name], options, where=name, groups=groups, fused=False)
        return built


def _counted(parts: _Parts, slots: int, crowd: Crowd) -> dict[str, Held]:
    model, teacher = parts.objective.model, parts.objective.teacher
    student = held_by(lambda _: model, slots, crowd)
    return {
        "student": student,
        "its average": Held(student.weights if parts.recipe.training.ema_decay else 0),
        "teacher": Held() if teacher is None else _teacher(teacher, slots, crowd),
        "methods": held_by(parts.methods, slots, crowd),
        "classifier": held_by(parts.head, slots, crowd),
        "logits": Held(activations=_kept_logits(parts, crowd)),
    }


def _teacher(teacher: AbstractTeacher, slots: int, crowd: Crowd) -> Held:
    """What is trained of it, the network behind it, and the class centres that keep one that learns a good one."""
    network = teacher.network
    frozen = 0 if network is None else sum(each.nbytes for each in (*network.parameters(), *network.buffers()))
    centres = 4 * crowd.identities * teacher.spec.embedding if teacher.learns else 0
    return held_by(lambda _: teacher, slots, crowd) + Held(frozen + centres)


def _kept_logits(parts: _Parts, crowd: Crowd) -> int:
    """All samples against the centres that take part in this process."""
    if parts.recipe.head is None:
        return 0
    part = crowd.taking_part(_sample_rate(parts.head(LABELLED)))
    return kept_logits(parts.head, crowd.samples, part, _width(parts))


def _seconds(
    parts: _Parts,
    held: Mapping[str, Held],
    crowd: Crowd,
    measured: Networks,
    device: torch.device,
    gbit_per_s: float,
) -> dict[str, float]:
    head, found = parts.head(min(crowd.rows, PROBED_IDENTITIES)).eval(), 0.0
    part = crowd.taking_part(_sample_rate(head))
    if isinstance(head, AbstractHead):
        count = min(crowd.samples, PROBED_SAMPLES)
        found = logit_seconds(head, count, _width(parts), min(crowd.rows, PROBED_IDENTITIES), device)
    moved = sum(each.gradients for each in held.values()) / 4
    return {
        "student, teacher and methods": measured.seconds(crowd.batch),
        "classifier": found * crowd.samples * part,
        "optimiser": weight_seconds(parts.optimiser, device) * moved,
        "between processes": _sent(held, crowd, _width(parts)) * 8 / (gbit_per_s * 1e9),
    }


def _sent(held: Mapping[str, Held], crowd: Crowd, width: int) -> float:
    """Bytes that a process sends: gradients that all share in a ring, and embeddings to all and back."""
    gradients = held["student"].gradients + held["methods"].gradients + held["teacher"].gradients
    others = (crowd.world - 1) / crowd.world
    return 2 * others * gradients + 3 * others * crowd.samples * width * 4


def _sample_rate(head: nn.Module) -> float:
    return min((part.sample_rate for part in head.modules() if isinstance(part, MarginHead)), default=1.0)


def _width(parts: _Parts) -> int:
    return parts.objective.model.spec.embedding
