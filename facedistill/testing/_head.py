"""What every head promises."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..heads.contract import AbstractHead
from ..types import UNLABELLED
from ._ask import (
    Builder,
    Question,
    check_finite_scalars,
    check_gradients,
    demand,
    generator,
    made_up_classifier,
    name_of,
    questions,
    seeded,
    signature_is_the_configuration,
    supplied,
)
from ._lesson import Lesson, demand_one, lesson
from ._ranks import as_ranks, in_turn

CONTEXT = ("embedding", "identities", "classifier")
SAMPLES, RANKS = 8, 2


def check_head(build: Builder, *, embedding: int = 24, identities: int = 6) -> None:
    """Asks a head to keep its promises on made-up embeddings.

    Raises:
        AssertionError: a promise is broken; the sentence says which.
    """
    for question in ask_head(build, embedding=embedding, identities=identities):
        question.ask()


def ask_head(build: Builder, *, embedding: int = 24, identities: int = 6) -> Iterator[Question]:
    """The questions of ``check_head``, one by one."""
    yield from questions([signature_is_the_configuration], build, CONTEXT)
    for teacher_width in (embedding, embedding + 8):
        yield from questions(PROMISES, _Case(build, embedding, identities, teacher_width))


@dataclass(frozen=True)
class _Case:
    build: Builder
    width: int
    identities: int
    teacher_width: int

    def head(self, seed: int = 0) -> AbstractHead:
        classifier = made_up_classifier(self.identities, self.teacher_width, seed)
        context = {"embedding": self.width, "identities": self.identities, "classifier": classifier}
        with seeded(seed):
            head: AbstractHead = supplied(self.build, context)
        return head

    @property
    def who(self) -> str:
        return name_of(self.build)

    def embedding(self) -> Tensor:
        """Norms near 10, as trained networks have (AdaFace expects 20 +- 100)."""
        return (2 * torch.randn(SAMPLES, self.width, generator=generator(1))).requires_grad_()

    def labels(self) -> Tensor:
        """Every identity, the last one included."""
        return torch.arange(SAMPLES) % self.identities


def _loss_is_a_finite_scalar(case: _Case) -> None:
    embedding = case.embedding()
    loss = case.head()(embedding, case.labels())
    check_finite_scalars({"loss": loss}, case.who, "on random embeddings")
    demand(loss.item() > 0, f"{case.who}: the loss of random embeddings is {loss.item()}, not above 0.")
    (gradient,) = torch.autograd.grad(loss, embedding)
    demand(bool(gradient.isfinite().all()), f"{case.who}: the embedding's gradient is not finite.")
    demand(bool(gradient.any(1).all()), f"{case.who}: some labelled sample gets no gradient.")


def _every_parameter_learns(case: _Case) -> None:
    head = case.head()
    head(case.embedding(), case.labels()).backward()
    check_gradients(head, case.who, "remove it, or make it a buffer.")


def _unlabelled_are_passed_over(case: _Case) -> None:
    embedding, labels = case.embedding(), case.labels()
    labels[::2] = UNLABELLED
    mixed = case.head()(embedding, labels)
    alone = case.head()(embedding[1::2], labels[1::2])
    same = torch.allclose(mixed, alone, rtol=1e-5)
    demand(same, f"{case.who}: unlabelled samples change the loss from {alone.item()} to {mixed.item()}.")
    (gradient,) = torch.autograd.grad(mixed, embedding)
    demand(not gradient[::2].any(), f"{case.who}: unlabelled samples get a gradient.")


def _none_labelled_gives_zero(case: _Case) -> None:
    embedding = case.embedding()
    loss = case.head()(embedding, torch.full((SAMPLES,), UNLABELLED))
    demand(loss.item() == 0, f"{case.who}: a batch without labels costs {loss.item()}, not 0.")
    demand(loss.requires_grad, f"{case.who}: a batch without labels breaks backward(); keep the loss in the graph.")
    loss.backward()
    empty = embedding.grad is None or not bool(embedding.grad.any())
    demand(empty, f"{case.who}: a batch without labels moves the student.")


def _descent_descends(case: _Case) -> None:
    head, labels, embedding = case.head().eval(), case.labels(), case.embedding()
    first = head(embedding, labels)
    (gradient,) = torch.autograd.grad(first, embedding)
    step = 1e-3 * embedding.norm() / gradient.norm()
    then = head(embedding - step * gradient, labels)
    demand(bool(then < first), f"{case.who}: a small step down its gradient raises the loss, {first} to {then}.")


def _own_label_is_cheapest(case: _Case) -> None:
    """After learning a handful of samples by heart, their own labels cost less than any others."""
    head, labels, embedding = case.head(), case.labels(), case.embedding()
    optimiser = torch.optim.Adam([embedding, *(p for p in head.parameters() if p.requires_grad)], lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        head(embedding, labels).backward()
        optimiser.step()
    head.eval()
    with torch.no_grad():
        own, others = head(embedding, labels), head(embedding, (labels + 1) % case.identities)
    demand(bool(own < others), f"{case.who}: after learning, right labels cost {own} and wrong ones {others}.")


def _state_is_whole(case: _Case) -> None:
    head, twin = case.head(), case.head(seed=1)
    for seed in range(3):
        head(torch.randn(SAMPLES, case.width, generator=generator(seed)), case.labels())
    twin.load_state_dict(head.state_dict(), strict=True)
    head.eval()
    twin.eval()
    same = torch.equal(head(case.embedding(), case.labels()), twin(case.embedding(), case.labels()))
    demand(same, f"{case.who}: a twin with the same state dict answers otherwise; keep all state in it.")


def _autocast_is_float32(case: _Case) -> None:
    plain = case.head()(case.embedding(), case.labels())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for dtype in (torch.float32, torch.bfloat16):
            loss = case.head()(case.embedding().to(dtype), case.labels())
            demand(loss.dtype == torch.float32, f"{case.who}: the loss is {loss.dtype} under autocast, not float32.")
            close = torch.allclose(plain, loss, rtol=0.02)
            demand(close, f"{case.who}: bf16 autocast moves the loss from {plain} to {loss}; cast at its top.")


def _two_ranks_are_one(case: _Case) -> None:
    """Half a batch in each of two processes, which may share the centres, is worth what all of it is in one."""
    embedding, labels = case.embedding(), case.labels()
    labels[1] = UNLABELLED
    whole = _lesson(case.head(), embedding, labels)
    ranks = in_turn(lambda rank: case.head(), RANKS)

    def half(rank: int) -> Lesson:
        own = embedding.detach()[rank::RANKS].clone().requires_grad_()
        return _lesson(ranks[rank], own, labels[rank::RANKS])

    demand_one(case.who, whole, as_ranks(half, RANKS))


def _lesson(head: AbstractHead, embedding: Tensor, labels: Tensor) -> Lesson:
    """From its loss, and from its cosines where it has some."""
    cosines = head.cosines(embedding)
    opinions = {} if cosines is None else {"cosines": (cosines * torch.linspace(-1, 1, cosines.shape[1])).exp().mean()}
    return lesson(head, {"loss": head(embedding, labels), **opinions}, [embedding])


PROMISES = (
    _loss_is_a_finite_scalar,
    _every_parameter_learns,
    _unlabelled_are_passed_over,
    _none_labelled_gives_zero,
    _descent_descends,
    _own_label_is_cheapest,
    _state_is_whole,
    _autocast_is_float32,
    _two_ranks_are_one,
)
