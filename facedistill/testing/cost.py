"""What a method asks for and costs, measured on the method itself rather than kept in a list."""

from dataclasses import replace
from typing import NamedTuple
from unittest.mock import patch

import torch

from .. import dist
from ..errors import UserError
from ..signature import context_of
from ..types import ALONE, Spec, Stage, Terms
from ._ask import Builder, made_up_classifier, seeded, supplied
from ._method_case import SAMPLES, SMALL_CNN, SMALL_TRANSFORMER, MethodCase

STUDENT = Spec(512, (Stage(64, (56, 56)), Stage(64, (28, 28)), Stage(128, (14, 14)), Stage(512, (7, 7))))
"""MobileFaceNet of 1.2 M parameters at 112 px."""
TEACHER = Spec(512, (Stage(32, (28, 28)), Stage(64, (14, 14)), Stage(100, (7, 7)), Stage(192, (3, 3))))
"""EdgeFace-XS at 112 px."""
IDENTITIES = 1000


class Cost(NamedTuple):
    """What a method with its defaults needs of a training."""

    needs: tuple[str, ...]
    parameters: int
    """Trained beside the student of ``STUDENT``, with the teacher of ``TEACHER`` and ``IDENTITIES``."""
    whole_batch: bool
    """Whether it gathers rows of all processes."""

    def __str__(self) -> str:
        trained = f"{_short(self.parameters)} more parameters" if self.parameters else "no more parameters"
        return f"{trained}; whole batch" if self.whole_batch else trained


def cost_of(build: Builder) -> Cost:
    """Build the method with its defaults, and watch it compute its terms of made-up features."""
    parameters = MethodCase(build, STUDENT, TEACHER, IDENTITIES).method().parameters()
    case = MethodCase(build, SMALL_CNN, SMALL_TRANSFORMER, 6)
    labelled, gathers = _watched(case, SAMPLES)
    unlabelled, _ = _watched(case, 0)
    needs = (*_answers(case), *_classes(case), *_labels(labelled, unlabelled))
    return Cost(needs, sum(parameter.numel() for parameter in parameters if parameter.requires_grad), gathers)


def _watched(case: MethodCase, labelled: int) -> tuple[Terms, bool]:
    """The terms of one batch in training, and whether rows were gathered for them."""
    method, (student, teacher) = case.method().train(), case.seen()
    with torch.no_grad(), seeded(0), patch.object(dist, "gather", wraps=dist.gather) as gather:
        terms: Terms = method(student, teacher, case.batch(labelled))
    return terms, gather.called


def _answers(case: MethodCase) -> tuple[str, ...]:
    method = case.method()
    return (
        *(f"teacher's {answer}" for answer in sorted(method.uses)),
        *(f"teacher's {answer} where it has them" for answer in sorted(method.optional)),
    )


def _classes(case: MethodCase) -> tuple[str, ...]:
    frozen = ("teacher's class centres",) if "classifier" in context_of(case.build) else ()
    several = () if _content_with_one(case) else ("specialist teachers",)
    own = ("own classifier",) if "cosines" in case.method().asks_student else ()
    helped = ("student with an assistant",) if ALONE in case.method().asks_student else ()
    return several + frozen + own + helped


def _content_with_one(case: MethodCase) -> bool:
    """Whether a classifier will do that is of one network."""
    whole = replace(made_up_classifier(case.identities, case.teacher.embedding, seed=0), subsets=None)
    try:
        supplied(case.build, {"student": case.student, "teacher": case.teacher, "classifier": whole})
    except UserError:
        return False
    return True


def _labels(labelled: Terms, unlabelled: Terms) -> tuple[str, ...]:
    """Labels are needed where a term is nothing without them, and of use where it is another one."""
    if any(bool(unlabelled[name] == 0) and bool(value != 0) for name, value in labelled.items()):
        return ("labels",)
    moved = any(not torch.equal(value, unlabelled[name]) for name, value in labelled.items())
    return ("labels where known",) if moved else ()


def _short(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count / 1e3:.1f} k" if count >= 1e3 else str(count)
