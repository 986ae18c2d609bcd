"""What all questions share: demands with a sentence, fixed seeds, made-up context."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..teachers.classifier import TeacherClassifier
from ..types import Terms

Builder = Callable[..., Any]


class Question(NamedTuple):
    """One promise, put to one part."""

    promise: str
    """In words."""
    ask: Callable[[], None]
    """Raises an ``AssertionError`` where the promise is broken."""


def questions(promises: Iterable[Callable[..., None]], *given: Any) -> Iterator[Question]:
    """Every promise, put to ``given``."""
    for promise in promises:
        yield Question(promise.__name__.strip("_").replace("_", " "), partial(promise, *given))


def demand(holds: bool, sentence: str) -> None:
    """An assertion that ``python -O`` keeps."""
    if not holds:
        raise AssertionError(sentence)


def name_of(build: Builder) -> str:
    """What to call what ``build`` builds."""
    return name_of(build.func) if isinstance(build, partial) else build.__name__


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Fixed chance inside; the caller's own is as before afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def supplied(build: Builder, context: Mapping[str, Any]) -> Any:
    """What ``build`` gives when handed the context it asks for by name."""
    asked = [name for name in inspect.signature(build).parameters if name in context]
    return build(**{name: context[name] for name in asked})


def signature_is_the_configuration(build: Builder, context: tuple[str, ...]) -> None:
    """The signature is the configuration: context by name, every number keyword-only, typed and with a default."""
    for parameter in inspect.signature(build).parameters.values():
        where = f"parameter '{parameter.name}' of {name_of(build)}"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise AssertionError(f"{where} hides what a recipe may say; list the parameters one by one.")
        if parameter.name in context:
            continue
        demand(
            parameter.kind is parameter.KEYWORD_ONLY,
            f"{where} must be keyword-only (after a *), or one of the context's names: {', '.join(context) or 'none'}.",
        )
        demand(parameter.annotation is not parameter.empty, f"{where} needs a type, which is what recipes check.")
        demand(parameter.default is not parameter.empty, f"{where} needs a default, the paper's where it has one.")


def made_up_classifier(identities: int, width: int, seed: int) -> TeacherClassifier:
    """A teacher's classifier with centres in random directions, as if two specialists knew every other identity."""
    centres = torch.nn.functional.normalize(torch.randn(identities, width, generator=generator(seed)))
    return TeacherClassifier(identities, centres, lambda: centres, torch.arange(identities) % 2)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def total(terms: Terms) -> Tensor:
    """The terms' plain sum."""
    demand(isinstance(terms, dict) and bool(terms), "there are no terms, so nothing is learned.")
    return torch.stack([term.float() for term in terms.values()]).sum()


def learn(terms: Terms, who: str) -> None:
    """Gradients of the terms' plain sum."""
    loss = total(terms)
    demand(loss.requires_grad, f"{who}: no gradient reaches the student; is something detached, or a constant?")
    loss.backward()


def check_finite_scalars(terms: Terms, who: str, when: str) -> None:
    demand(isinstance(terms, dict), f"{who} answers with a {type(terms).__name__}, not with a dict of named terms.")
    for name, term in terms.items():
        demand(term.dim() == 0, f"{who}: term '{name}' has shape {tuple(term.shape)} {when}; reduce it to a scalar.")
        demand(bool(term.isfinite()), f"{who}: term '{name}' is {term.item()} {when}.")


def same_state(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    """Names whose tensors are not the same."""
    return [name for name in before if not alike(before[name], after[name])]


def alike(one: Tensor, other: Tensor) -> bool:
    """Bit for bit, and NaN as NaN: whether answers are finite is a question of its own."""
    return one.shape == other.shape and bool(((one == other) | (one.isnan() & other.isnan())).all())


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """Copies of every parameter and buffer, persistent or not."""
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def check_gradients(module: nn.Module, who: str, remedy: str) -> None:
    """Every trainable parameter has a finite gradient that is not zero everywhere."""
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.grad is None:
            raise AssertionError(f"{who}: parameter '{name}' gets no gradient; {remedy}")
        demand(bool(parameter.grad.isfinite().all()), f"{who}: the gradient of '{name}' is not finite.")
        demand(bool(parameter.grad.any()), f"{who}: the gradient of '{name}' is zero everywhere; {remedy}")
