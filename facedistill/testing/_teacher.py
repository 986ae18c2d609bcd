"""What every teacher promises."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from ..teachers.contract import AbstractTeacher
from ..teachers.frozen import AbstractFrozen
from ..types import Batch, Features
from ._ask import (
    Question,
    alike,
    check_finite_scalars,
    check_gradients,
    demand,
    made_up_classifier,
    questions,
    same_state,
    snapshot,
    total,
)
from ._compiled import demand_one_graph

ANSWERS = frozenset({"embedding", "stages", "prompts"})


def check_teacher(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    """Asks a teacher to keep its promises on ``images``, uint8 B 3 H W, with ``batch`` saying what they are.

    Ends with a few steps of training, so hand over a teacher of your own.

    Raises:
        AssertionError: a promise is broken; the sentence says which.
    """
    for question in ask_teacher(teacher, images, batch):
        question.ask()


def ask_teacher(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> Iterator[Question]:
    """The questions of ``check_teacher``, one by one."""
    yield from questions(PROMISES, teacher, images, batch)


def ask_compiled_teacher(teacher: AbstractFrozen, images: Tensor) -> Iterator[Question]:
    """Whether a frozen network compiles without a graph break; takes seconds, and needs no shape checks around it."""
    yield from questions([_compiles_whole], teacher, images)


Promise = Callable[[AbstractTeacher, Tensor, Batch], None]


def _who(teacher: AbstractTeacher) -> str:
    return type(teacher).__name__


def _provides_what_it_says(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    who, provides, seen = _who(teacher), teacher.provides, teacher(images, batch)
    demand(isinstance(seen, Features), f"{who} answers with a {type(seen).__name__}, not with Features.")
    demand(provides <= ANSWERS, f"{who} provides {sorted(provides - ANSWERS)}, which no method knows.")
    demand("embedding" in provides, f"{who} must provide 'embedding'.")
    demand(("stages" in provides) == bool(seen.stages), f"{who}: 'stages' in `provides` is not what it answers.")
    demand(
        ("prompts" in provides) == ("prompts" in seen.extras), f"{who}: 'prompts' in `provides` is not what it answers."
    )
    demand(all(bool(t.isfinite().all()) for t in _tensors(seen)), f"{who}: its answers are not finite.")


def _spec_is_true(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    who, seen = _who(teacher), teacher(images, batch)
    expected = (len(images), teacher.spec.embedding)
    demand(seen.embedding.shape == expected, f"{who}: embeddings are {tuple(seen.embedding.shape)}, not {expected}.")
    if seen.stages:
        shapes = [tuple(stage.shape[1:]) for stage in seen.stages]
        promised = [(stage.channels, *stage.grid) for stage in teacher.spec.stages]
        demand(shapes == promised, f"{who}: stages are {shapes} where the spec promises {promised}.")


def _train_does_not_wake_it(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    who = _who(teacher)
    with torch.no_grad():
        asleep = list(_tensors(teacher.eval()(images, batch)))
        awake = list(_tensors(teacher.train()(images, batch)))
        again = list(_tensors(teacher(images, batch)))
    same = all(alike(a, b) for a, b in zip(awake, again, strict=True))
    demand(same, f"{who}: two calls on the same batch disagree; is dropout awake?")
    same = all(alike(a, b) for a, b in zip(asleep, awake, strict=True))
    demand(same, f"{who}: train() changes its answers; override train() so that what is frozen stays in eval mode.")


def _only_learners_move(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    """Three steps with weight decay, which would move a frozen weight even without a gradient."""
    who, before = _who(teacher.train()), snapshot(teacher)
    first = [tensor.detach() for tensor in _tensors(teacher(images, batch))]
    learners = {name: parameter for name, parameter in teacher.named_parameters() if parameter.requires_grad}
    for _ in range(3):
        _step(teacher, images, batch, list(learners.values()))
    touched = [n for n, p in teacher.named_parameters() if p.grad is not None and n not in learners]
    demand(not touched, f"{who}: frozen weights {touched} got a gradient.")
    strays = sorted(set(same_state(before, snapshot(teacher))) - set(learners))
    demand(not strays, f"{who}: {strays} changed in training, though frozen; BatchNorm's means are the usual culprit.")
    with torch.no_grad():
        for name, learner in learners.items():
            learner.copy_(before[name])
        same = all(alike(a, b) for a, b in zip(first, _tensors(teacher(images, batch)), strict=True))
    demand(same, f"{who}: with its learners put back it answers otherwise than before, so something frozen has moved.")


def _step(teacher: AbstractTeacher, images: Tensor, batch: Batch, learners: list[nn.Parameter]) -> None:
    teacher.zero_grad()
    seen = teacher(images, batch)
    learning = any(tensor.requires_grad for tensor in _tensors(seen))
    demand(teacher.learns == learning, f"{_who(teacher)}: `learns` is not what it does.")
    if learning:
        _loss(seen).backward()
        check_gradients(teacher, _who(teacher), "freeze it, or let it take part in the answers.")
        torch.optim.SGD(learners, lr=1e-3, weight_decay=0.1).step()


def _reference_stays(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    """Class means are made of it, so what a teacher learns must not move it."""
    before = teacher.reference(images)
    expected = (len(images), teacher.spec.embedding)
    demand(before.shape == expected, f"{_who(teacher)}: reference is {tuple(before.shape)}, not {expected}.")
    demand(not before.requires_grad, f"{_who(teacher)}: its reference must be out of every gradient's reach.")
    with torch.no_grad():
        for learner in (parameter for parameter in teacher.parameters() if parameter.requires_grad):
            learner.add_(0.1)
    same = alike(before, teacher.reference(images))
    demand(same, f"{_who(teacher)}: its reference moves with what it learns; answer as the teacher that came.")


def _terms_are_finite_scalars(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    who = _who(teacher)
    identities = max(2, int(batch.labels.max()) + 1)
    classifier = made_up_classifier(identities, teacher.spec.embedding, seed=0)
    terms = teacher.terms(teacher(images, batch), batch, classifier)
    check_finite_scalars(terms, who, "on the given batch")
    if terms and teacher.learns:
        demand(total(terms).requires_grad, f"{who}: its own terms teach it nothing.")


def _centres_fit(teacher: AbstractTeacher, images: Tensor, batch: Batch) -> None:
    centres = teacher.head_centres()
    if centres is not None:
        fits = centres.dim() == 2 and centres.shape[1] == teacher.spec.embedding
        demand(fits, f"{_who(teacher)}: head centres are {tuple(centres.shape)}, not K x {teacher.spec.embedding}.")
        demand(not centres.requires_grad, f"{_who(teacher)}: head centres must be frozen.")


def _compiles_whole(teacher: AbstractFrozen, images: Tensor) -> None:
    with torch.no_grad():
        demand_one_graph(_who(teacher), teacher.network, images)


PROMISES: tuple[Promise, ...] = (
    _provides_what_it_says,
    _spec_is_true,
    _train_does_not_wake_it,
    _only_learners_move,
    _reference_stays,
    _terms_are_finite_scalars,
    _centres_fit,
)


def _tensors(seen: Features) -> tuple[Tensor, ...]:
    return (seen.embedding, *seen.stages, *seen.extras.values())


def _loss(seen: Features) -> Tensor:
    """Something every answer takes part in."""
    return torch.stack([(t.float() * torch.linspace(-1, 1, t.numel()).view_as(t)).sum() for t in _tensors(seen)]).sum()
