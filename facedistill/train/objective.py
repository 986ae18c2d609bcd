"""What is trained, as one module: a network, its head, the methods and the teacher."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone
from ..errors import UserError, unknown
from ..heads.contract import AbstractHead
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..teachers.contract import AbstractTeacher
from ..types import Batch, Features, Terms
from .eight_bits import EightBits
from .questions import refuse_unanswered

OTHER_PARTS = ("model", "head", "teacher")
"""Names of parts that are no methods."""


class Objective(nn.Module):
    """Images and what is known about them in, named un-weighted terms of the loss out.

    One module, because one thing is wrapped for many processes, compiled and saved.
    """

    def __init__(
        self,
        model: AbstractBackbone,
        head: AbstractHead | None = None,
        methods: Mapping[str, AbstractMethod] | None = None,
        teacher: AbstractTeacher | None = None,
        classifier: TeacherClassifier | None = None,
        eight_bits: EightBits | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.head = head
        self.methods = nn.ModuleDict(_by_last_name(methods or {}))
        self.teacher = teacher
        self.classifier = classifier
        self.eight_bits = eight_bits
        self._asks = _checked_questions(methods or {}, teacher)
        self._wants_cosines = _wants_cosines(methods or {}, head)
        if head is None and not methods:
            raise UserError("Nothing to learn from: give the recipe a 'head', a 'method' or both.")

    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Terms:
        with nullcontext() if self.eight_bits is None else self.eight_bits.rounding():
            seen: Features = self.model(images)
        terms = {} if self.head is None else {"margin": self.head(seen.embedding, batch.labels)}
        answers, kept = self._ask(images, batch, seen)
        seen = self._with_cosines(seen)
        for name, method in self.methods.items():
            terms |= {f"{name}.{term}": value for term, value in method(seen, answers, batch).items()}
        return terms | kept

    def parts(self) -> dict[str, nn.Module]:
        """The parts that may be trained, under the names recipes use."""
        parts = {"model": self.model, "head": self.head, "teacher": self.teacher, **dict(self.methods.items())}
        return {name: part for name, part in parts.items() if part is not None}

    def _with_cosines(self, seen: Features) -> Features:
        """The student's features with the cosines of its own classifier, where a method asks for them."""
        if not self._wants_cosines or self.head is None:
            return seen
        own = self.head.cosines(seen.embedding)
        if own is None:
            raise UserError("A method compares class probabilities, and this head has no classifier; use cosface.")
        return replace(seen, extras={**seen.extras, "cosines": own})

    def _ask(self, images: Tensor, batch: Batch, seen: Features) -> tuple[Features, Terms]:
        """The teacher's answers and its own terms; the student's features stand in where nobody asks."""
        if self.teacher is None or not self._asks:
            return seen, {}
        answers = self.teacher(images, batch)
        if not self.teacher.learns or self.classifier is None:
            return answers, {}
        kept = self.teacher.terms(answers, batch, self.classifier)
        return answers, {f"teacher.{name}": value for name, value in kept.items()}


def _by_last_name(methods: Mapping[str, AbstractMethod]) -> dict[str, nn.Module]:
    """Somebody's own method goes by the last part of its dotted name: a module's name holds no dots."""
    found: dict[str, nn.Module] = {}
    for name, method in methods.items():
        last = name.rpartition(".")[2]
        if last in found or last in OTHER_PARTS:
            raise UserError(
                f"Method '{name}' would go by '{last}', which is the name of another part of this recipe: terms, "
                "'weights' and 'lr_scale' could not tell them apart; rename its class or function."
            )
        found[last] = method
    return found


def _checked_questions(methods: Mapping[str, AbstractMethod], teacher: AbstractTeacher | None) -> bool:
    """Whether any method asks the teacher; refuses a question it cannot answer."""
    for name, method in methods.items():
        refuse_unanswered(name, method.uses, teacher)
    asked = any(method.uses for method in methods.values())
    if teacher is not None and teacher.learns and not asked:
        raise UserError("The teacher's prompts would learn nothing, since no method asks it; use teacher 'live'.")
    return asked


def _wants_cosines(methods: Mapping[str, AbstractMethod], head: AbstractHead | None) -> bool:
    """Whether any method compares class probabilities; refuses one where the student has no classifier."""
    asking = [name for name, method in methods.items() if "cosines" in method.asks_student]
    if asking and head is None:
        raise UserError(
            f"Method '{asking[0]}' compares class probabilities, and the student has no classifier; give the recipe a "
            "'head', such as cosface."
        )
    return bool(asking)


class Weights:
    """The sum of the terms: the only place where they are weighted.

    Args:
        weights: weight of a term; 1 where not given.
        ramp: share of training over which a term grows linearly from nothing (GKD's authors ramp so).
    """

    def __init__(self, weights: Mapping[str, float], ramp: Mapping[str, float]) -> None:
        self.weights, self.ramp = dict(weights), dict(ramp)

    def check(self, terms: Terms) -> None:
        """Refuse a weight or a ramp for a term that does not exist."""
        for kind, named in (("weights", self.weights), ("ramp", self.ramp)):
            for name in named:
                if name not in terms:
                    raise unknown("term", name, terms, where=kind)

    def total(self, terms: Terms, progress: float) -> Float[Tensor, ""]:
        return torch.stack([value * factor for value, factor in self._factors(terms, progress)]).sum()

    def _factors(self, terms: Terms, progress: float) -> Iterator[tuple[Tensor, float]]:
        for name, value in terms.items():
            grown = min(1.0, progress / self.ramp[name]) if self.ramp.get(name, 0) > 0 else 1.0
            yield value.float(), self.weights.get(name, 1.0) * grown
