"""What every method promises."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..method import AbstractMethod
from ..types import ALONE, Batch, Features, Spec, Terms
from ._ask import (
    Builder,
    Question,
    alike,
    check_finite_scalars,
    check_gradients,
    demand,
    learn,
    questions,
    same_state,
    signature_is_the_configuration,
    total,
)
from ._compiled import demand_one_graph
from ._lesson import Lesson, demand_one, lesson
from ._method_case import SAMPLES, SMALL_CNN, SMALL_TRANSFORMER, MethodCase, tensors
from ._ranks import as_ranks, in_turn

CONTEXT = ("student", "teacher", "classifier")
ANSWERS = frozenset({"embedding", "stages", "prompts"})
OWN_ANSWERS = frozenset({"cosines", ALONE})
RANKS = 2


def check_method(
    build: Builder, student: Spec = SMALL_CNN, teacher: Spec = SMALL_TRANSFORMER, *, identities: int = 6
) -> None:
    """Asks a method to keep its promises on made-up features, no network needed.

    Asked for the two specs, for the two swapped, and for two alike, each with and without the answers that the
    method calls optional.

    Raises:
        AssertionError: a promise is broken; the sentence says which.
    """
    for question in ask_method(build, student, teacher, identities=identities):
        question.ask()


def ask_method(
    build: Builder, student: Spec = SMALL_CNN, teacher: Spec = SMALL_TRANSFORMER, *, identities: int = 6
) -> Iterator[Question]:
    """The questions of ``check_method``, one by one."""
    yield from questions([signature_is_the_configuration], build, CONTEXT)
    for pair in ((student, teacher), (teacher, student), (teacher, teacher)):
        case = MethodCase(build, *pair, identities)
        for each in (case, replace(case, optional=True)) if case.method().optional else (case,):
            yield from questions(PROMISES, each)


def ask_compiled_method(build: Builder, *, identities: int = 6) -> Iterator[Question]:
    """Whether a method compiles without a graph break; takes seconds, and needs a process without shape checks."""
    yield from questions([_compiles_whole], MethodCase(build, SMALL_CNN, SMALL_TRANSFORMER, identities))


def _declares_known_answers(case: MethodCase) -> None:
    method = case.method()
    strange = sorted((method.uses | method.optional) - ANSWERS)
    demand(not strange, f"{case.who} uses {strange}, which no teacher provides; known: {sorted(ANSWERS)}.")
    strange = sorted(method.asks_student - OWN_ANSWERS)
    demand(not strange, f"{case.who} asks the student for {strange}; known: {sorted(OWN_ANSWERS)}.")


def _terms_are_finite_scalars(case: MethodCase) -> None:
    student, teacher = case.seen()
    terms = case.method()(student, teacher, case.batch())
    demand(bool(terms), f"{case.who} returns no terms, so nothing is learned.")
    hint = "(answers missing from `uses` and `optional` are NaN here)"
    check_finite_scalars(terms, case.who, hint)


def _student_learns(case: MethodCase) -> None:
    student, teacher = case.seen()
    learn(case.method()(student, teacher, case.batch()), case.who)
    gradients = [tensor.grad for tensor in tensors(student) if tensor.grad is not None]
    reached = any(bool(gradient.any()) for gradient in gradients)
    demand(reached, f"{case.who}: no gradient reaches the student; is something detached?")
    finite = all(bool(gradient.isfinite().all()) for gradient in gradients)
    demand(finite, f"{case.who}: the gradient that reaches the student is not finite.")


def _every_parameter_learns(case: MethodCase) -> None:
    method, (student, teacher) = case.method(), case.seen()
    _steps(method, student, teacher, case.batch(), count=2)  # what starts at zero may hold others back for one step
    method.zero_grad()
    learn(method(student, teacher, case.batch()), case.who)
    check_gradients(method, case.who, "remove it, or use it in a term.")


def _teacher_is_untouched(case: MethodCase) -> None:
    student, teacher = case.seen()
    before = [tensor.clone() for tensor in tensors(teacher)]
    learn(case.method()(student, teacher, case.batch()), case.who)
    same = all(alike(was, now) for was, now in zip(before, tensors(teacher), strict=True))
    demand(same, f"{case.who} writes into the teacher's features; other methods read them, too.")


def _learning_teachers_are_welcome(case: MethodCase) -> None:
    """Prompted teachers answer with gradients; what reaches them must be finite."""
    student, teacher = case.seen()
    answers = [tensor.requires_grad_() for tensor in tensors(teacher)]
    learn(case.method()(student, teacher, case.batch()), case.who)
    finite = all(bool(tensor.grad.isfinite().all()) for tensor in answers if tensor.grad is not None)
    demand(finite, f"{case.who}: the gradient that reaches a learning teacher is not finite.")


def _state_is_whole(case: MethodCase) -> None:
    method, (student, teacher) = case.method(), case.seen()
    _steps(method, student, teacher, case.batch(), count=2)
    twin = case.method(seed=1)
    twin.load_state_dict(method.state_dict(), strict=True)
    mine, its = _quiet(method, student, teacher, case.batch()), _quiet(twin, student, teacher, case.batch())
    wrong = same_state(mine, its)
    demand(
        not wrong, f"{case.who}: a twin with the same state dict answers otherwise in {wrong}; keep all state in it."
    )


def _eval_is_deterministic(case: MethodCase) -> None:
    method, (student, teacher) = case.method(), case.seen()
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    wrong = same_state(*(_quiet(method, student, teacher, case.batch()) for _ in range(2)))
    demand(not wrong, f"{case.who}: two calls in eval mode differ in {wrong}.")
    changed = same_state(before, method.state_dict())
    demand(not changed, f"{case.who}: a call in eval mode changes {changed}.")


def _unlabelled_are_welcome(case: MethodCase) -> None:
    for labelled in (SAMPLES // 2, 0):
        method, (student, teacher) = case.method(), case.seen()
        terms = method(student, teacher, case.batch(labelled))
        check_finite_scalars(terms, case.who, f"with {labelled} of {SAMPLES} samples labelled")
        learn(terms, case.who)
        finite = all(bool(t.grad.isfinite().all()) for t in tensors(student) if t.grad is not None)
        demand(finite, f"{case.who}: the student's gradient is not finite with {labelled} of {SAMPLES} labelled.")


def _autocast_is_finite(case: MethodCase) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        student, teacher = case.seen(dtype)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            terms = case.method()(student, teacher, case.batch())
        check_finite_scalars(terms, case.who, f"under bf16 autocast with {dtype} features")
        narrow = [name for name, term in terms.items() if term.dtype != torch.float32]
        demand(not narrow, f"{case.who}: {narrow} are not float32 under autocast; cast at the top of the loss.")


def _two_ranks_are_one(case: MethodCase) -> None:
    """Half a batch in each of two processes costs and teaches what the whole batch does in one."""
    learning = not case.is_random()
    ranks = in_turn(lambda rank: case.method().train(learning), RANKS)
    whole = _lesson(case.method().train(learning), *case.seen(), case.batch())
    student, teacher = case.seen()

    def half(rank: int) -> Lesson:
        own, its = (_rows(features, rank) for features in (student, teacher))
        return _lesson(ranks[rank], own, its, _rows_of_batch(case.batch(), rank))

    demand_one(case.who, whole, as_ranks(half, RANKS))


def _lesson(method: AbstractMethod, student: Features, teacher: Features, batch: Batch) -> Lesson:
    return lesson(method, method(student, teacher, batch), list(tensors(student)))


def _rows(features: Features, rank: int) -> Features:
    def own(tensor: Tensor) -> Tensor:
        part = tensor.detach()[rank::RANKS].clone()
        return part.requires_grad_(tensor.requires_grad)

    extras = {name: own(tensor) for name, tensor in features.extras.items()}
    return Features(own(features.embedding), tuple(map(own, features.stages)), extras)


def _rows_of_batch(batch: Batch, rank: int) -> Batch:
    labels, index, view = (tensor[rank::RANKS] for tensor in (batch.labels, batch.index, batch.view))
    return Batch(labels, index, view, batch.progress)


def _compiles_whole(case: MethodCase) -> None:
    demand_one_graph(case.who, case.method().eval(), *case.seen(), case.batch())


PROMISES = (
    _declares_known_answers,
    _terms_are_finite_scalars,
    _student_learns,
    _every_parameter_learns,
    _teacher_is_untouched,
    _learning_teachers_are_welcome,
    _eval_is_deterministic,
    _state_is_whole,
    _unlabelled_are_welcome,
    _autocast_is_finite,
    _two_ranks_are_one,
)


def _steps(method: AbstractMethod, student: Features, teacher: Features, batch: Batch, count: int) -> None:
    """A few steps of plain gradient descent on the method's own parameters."""
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    method.train()
    for _ in range(count):
        loss = total(method(student, teacher, batch))
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True) if parameters else ()
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(0.1 * gradient)


def _quiet(method: AbstractMethod, student: Features, teacher: Features, batch: Batch) -> Terms:
    method.eval()
    with torch.no_grad():
        terms: Terms = method(student, teacher, batch)
    return terms
