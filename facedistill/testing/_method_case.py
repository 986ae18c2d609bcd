"""A method between two made-up networks: what they saw, and the batch they saw it in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..method import AbstractMethod
from ..types import ALONE, UNLABELLED, Batch, Features, Spec, Stage
from ._ask import Builder, generator, made_up_classifier, name_of, same_state, seeded, supplied

SAMPLES, PROMPTS = 4, 3

SMALL_CNN = Spec(24, (Stage(6, (12, 12)), Stage(8, (6, 6)), Stage(12, (3, 3))), 48)
SMALL_TRANSFORMER = Spec(32, (Stage(16, (5, 5)), Stage(16, (5, 5))), 40)


@dataclass(frozen=True)
class MethodCase:
    """One method between two networks of these shapes."""

    build: Builder
    student: Spec
    teacher: Spec
    identities: int
    optional: bool = False
    """Whether the teacher gives the optional answers, too."""

    def method(self, seed: int = 0) -> AbstractMethod:
        classifier = made_up_classifier(self.identities, self.teacher.embedding, seed)
        context = {"student": self.student, "teacher": self.teacher, "classifier": classifier}
        with seeded(seed):
            method: AbstractMethod = supplied(self.build, context)
        return method

    def is_random(self) -> bool:
        """Whether two calls in training differ by chance."""
        (student, teacher), answers = self.seen(), []
        for seed in range(2):
            method = self.method().train()
            with torch.no_grad(), seeded(seed):
                answers.append(method(student, teacher, self.batch()))
        return bool(same_state(*answers))

    @property
    def who(self) -> str:
        return name_of(self.build)

    def seen(self, dtype: torch.dtype = torch.float32) -> tuple[Features, Features]:
        """What student and teacher saw. Optional answers may be missing; what the method does not declare is NaN."""
        method = self.method()
        known = method.uses | (method.optional if self.optional else frozenset())
        teacher = _features(self.teacher, seed=2, dtype=dtype)
        student = self._with_cosines(_features(self.student, seed=1, dtype=dtype), method)
        student = self._with_parts(student, method)
        for tensor in tensors(student):
            tensor.requires_grad_()
        return student, _only(teacher, known, method.optional)

    def _with_cosines(self, student: Features, method: AbstractMethod) -> Features:
        if "cosines" not in method.asks_student:
            return student
        own = torch.rand(SAMPLES, self.identities, generator=generator(3)).mul(2).sub(1)
        return replace(student, extras={**student.extras, "cosines": own})

    def _with_parts(self, student: Features, method: AbstractMethod) -> Features:
        """What a student with an assistant shows of itself alone."""
        if ALONE not in method.asks_student:
            return student
        alone = _features(self.student, seed=4, dtype=student.embedding.dtype)
        parts = {f"{ALONE}_{number}": stage for number, stage in enumerate(alone.stages)}
        return replace(student, extras={**student.extras, ALONE: alone.embedding, **parts})

    def batch(self, labelled: int = SAMPLES) -> Batch:
        # Two people twice, once in either half, so that there are pairs to relate.
        labels = torch.tensor([0, 1, 1, 0]) % self.identities
        labels[labelled:] = UNLABELLED
        return Batch(labels, torch.arange(SAMPLES), torch.zeros(SAMPLES, dtype=torch.int64), torch.tensor(0.5))


def _features(spec: Spec, seed: int, dtype: torch.dtype) -> Features:
    chance = generator(seed)
    stages = tuple(torch.randn(SAMPLES, s.channels, *s.grid, generator=chance).to(dtype) for s in spec.stages)
    prompts = torch.randn(SAMPLES, PROMPTS, spec.stages[-1].channels, generator=chance).to(dtype)
    embedding = torch.randn(SAMPLES, spec.embedding, generator=chance).to(dtype)
    return Features(embedding, stages, {"prompts": prompts})


def _only(teacher: Features, known: frozenset[str], optional: frozenset[str]) -> Features:
    nan = _poisoned(teacher)
    missing = Features(nan.embedding)
    source = {
        answer: teacher if answer in known else missing if answer in optional else nan
        for answer in ("embedding", "stages", "prompts")
    }
    return Features(source["embedding"].embedding, source["stages"].stages, source["prompts"].extras)


def _poisoned(seen: Features) -> Features:
    def poison(answer: Tensor) -> Tensor:
        return torch.full_like(answer, torch.nan)

    extras = {name: poison(answer) for name, answer in seen.extras.items()}
    return Features(poison(seen.embedding), tuple(map(poison, seen.stages)), extras)


def tensors(features: Features) -> Iterator[Tensor]:
    """Everything that a network saw."""
    yield features.embedding
    yield from features.stages
    yield from features.extras.values()
