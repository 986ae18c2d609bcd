"""All promises of a part, kept or broken, in plain words: what ``facedistill check`` prints."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ..backbones.contract import AbstractBackbone
from ..catalogue import NotOffered, Unfinished, catalogue, find
from ..errors import UserError, one_line, unknown
from ..heads.contract import AbstractHead
from ..method import AbstractMethod
from ..signature import build, checked
from ..speed.computing import hastened
from ..teachers.contract import AbstractTeacher
from ..types import Batch
from ._ask import Builder, Question
from ._backbone import ask_backbone, ask_compiled_backbone
from ._head import ask_head
from ._method import ask_compiled_method, ask_method
from ._teacher import ask_compiled_teacher, ask_teacher

SAMPLES = 4


@dataclass(frozen=True)
class Answer:
    """One promise."""

    promise: str
    broken: str | None
    """Why it does not hold, and what to do."""


def answers(name: str, options: Mapping[str, Any]) -> Iterator[Answer]:
    """What the part called ``name`` says to every promise, each asked once it is reached.

    Args:
        name: known to the catalogue, or dotted, such as ``my_package.my_method``.
        options: of its recipe; a teacher needs its weights.

    Raises:
        UserError: no such part, or options it does not know.
    """
    told: dict[str, str | None] = {}
    for question in _asked(_questions(name, options)):
        if told.get(question.promise) is None:
            told[question.promise] = _broken(question)
    return (Answer(promise, broken) for promise, broken in told.items())


def _asked(questions: Iterator[Question]) -> Iterator[Question]:
    """The questions, and a last one where they end because the part cannot be built."""
    try:
        yield from questions
    except UserError:
        raise
    except Exception as error:  # as in `_broken`
        yield Question("can be built", partial(_stop, error))


def _stop(reason: Exception) -> None:
    raise reason


def _questions(name: str, options: Mapping[str, Any]) -> Iterator[Question]:
    offered = [
        (package, ask, builder)
        for package, contract, ask in _KINDS
        if (builder := _found(package, contract, name)) is not None
    ]
    if not offered:
        raise _not_offered(name)
    if len(offered) > 1:
        raise _ambiguous(name, [package for package, *_ in offered])
    [(_, ask, builder)] = offered
    return ask(name, builder, checked(builder, options, where=name))


def _ambiguous(name: str, packages: list[str]) -> UserError:
    if "." in name:
        return UserError(f"'{name}' holds {len(packages)} parts, of {' and '.join(packages)}; name the one to ask.")
    names = " or ".join(f"facedistill.{package}.{name}" for package in packages)
    return UserError(f"'{name}' is the name of {len(packages)} parts; ask for {names}.")


def _not_offered(name: str) -> UserError:
    if "." not in name:
        return unknown("part", name, {known for kind in _KINDS for known in catalogue(*kind[:2])})
    for package, contract, _ in _KINDS:
        try:
            find(package, contract, name)
        except Unfinished as lacking:
            return lacking
        except NotOffered:
            continue
    return UserError(
        f"'{name}' is no method, backbone, head or teacher: name its class, a function that is annotated to return it, "
        "or a module with exactly one."
    )


def _found(package: str, contract: type, name: str) -> Builder | None:
    if "." not in name:
        return catalogue(package, contract).get(name)
    try:
        return find(package, contract, name)
    except NotOffered:
        return None


def _of_method(name: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> Iterator[Question]:
    yield from ask_method(partial(builder, **options))
    yield from ask_compiled_method(partial(builder, **options))


def _of_head(name: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> Iterator[Question]:
    return ask_head(partial(builder, **options))


def _of_backbone(name: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> Iterator[Question]:
    yield from ask_backbone(partial(builder, **options))
    yield from ask_compiled_backbone(partial(builder, **options))


def _of_teacher(name: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> Iterator[Question]:
    teacher = build("teachers", AbstractTeacher, {name: options})
    side = teacher.spec.size_px
    images = torch.randint(0, 256, (SAMPLES, 3, side, side), dtype=torch.uint8)
    index = torch.arange(SAMPLES)
    yield from ask_teacher(teacher, images, Batch(index % 2, index, torch.zeros_like(index), torch.tensor(0.5)))
    if (frozen := hastened(teacher)) is not None:  # what training compiles
        yield from ask_compiled_teacher(frozen, images)


_KINDS = (
    ("methods", AbstractMethod, _of_method),
    ("backbones", AbstractBackbone, _of_backbone),
    ("heads", AbstractHead, _of_head),
    ("teachers", AbstractTeacher, _of_teacher),
)


def _broken(question: Question) -> str | None:
    try:
        question.ask()
    except AssertionError as error:
        return str(error)
    except Exception as error:  # a stranger's code may fail in any way; that, too, is an answer
        return f"it stops with {type(error).__name__}: {one_line(error)}"
    return None
