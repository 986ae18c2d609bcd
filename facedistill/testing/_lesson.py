"""What a step of training yields, and whether several processes yield what one does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..dist import in_turns
from ..shards import shares_in
from ..types import Terms
from ._ask import demand, learn

CLOSE = 1e-4
"""Relative: sums over processes add in another order."""


@dataclass(frozen=True)
class Lesson:
    """Of one part, in one process."""

    terms: Terms
    inputs: tuple[Tensor | None, ...]
    """Gradients of what it was given."""
    parameters: dict[str, Tensor]
    """Gradients of its own."""
    buffers: dict[str, Tensor]
    apart: frozenset[str]
    """Its tensors of which each process holds other rows."""


def lesson(part: nn.Module, terms: Terms, inputs: Sequence[Tensor]) -> Lesson:
    """Learn from ``terms``, which ``part`` made of ``inputs``."""
    learn(terms, type(part).__name__)
    own = {name: weight.grad.to_dense() for name, weight in part.named_parameters() if weight.grad is not None}
    gradients = tuple(tensor.grad for tensor in inputs)
    return Lesson(terms, gradients, own, dict(part.named_buffers()), frozenset(shares_in(part)))


def demand_one(who: str, whole: Lesson, lessons: Sequence[Lesson]) -> None:
    """Several processes with a part of the batch each must have learned what one did from all of it."""
    for what, alone, together in _compared(whole, lessons):
        same_nan = alone.isnan() & together.isnan()  # whether it is finite is a question of its own
        most = (alone - together).abs().masked_fill(same_nan, 0).max()
        apart = most / alone.nan_to_num().abs().max().clamp_min(1e-3)
        same = f"{who}: {what} of two processes differs from that of one by {apart:.1e}"
        demand(bool(apart < CLOSE), f"{same}; gather (facedistill.dist) what needs the whole batch.")


def _compared(whole: Lesson, lessons: Sequence[Lesson]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Everything of one process beside what its parts in several make together: gradients are averaged over them."""
    for name, term in whole.terms.items():
        yield f"term '{name}'", term.detach(), torch.stack([each.terms[name].detach() for each in lessons]).mean()
    for number, alone in enumerate(whole.inputs):
        if alone is not None:
            halves = [half for each in lessons if (half := each.inputs[number]) is not None]
            yield "the student's gradient", alone, in_turns(halves) / len(lessons)
    for name, alone in whole.parameters.items():
        parts = [each.parameters[name] for each in lessons]
        together = torch.cat(parts) if name in lessons[0].apart else torch.stack(parts).mean(0)
        yield f"gradient of '{name}'", alone, together
    for name, alone in whole.buffers.items():
        parts = [each.buffers[name] for each in lessons]
        for together in [torch.cat(parts)] if name in lessons[0].apart else parts:
            yield f"buffer '{name}'", alone.float(), together.float()
