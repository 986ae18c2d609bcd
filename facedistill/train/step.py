"""One update of the weights, undone where its loss or its gradient is not finite."""

import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import dist
from ..errors import UserError
from ..speed.choices import Speed
from ..speed.computing import autocast, computing
from ..types import Batch, Terms
from .clip import clip
from .objective import Weights
from .schedule import Schedule
from .undo import Buffers


class NonFiniteLoss(UserError):
    """The loss or its gradient is not a number; the weights have not been touched by it."""

    exit_code = 1

    def __init__(self, sentence: str, evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(sentence)
        self.evidence = dict(evidence or {})
        """Terms, gradient norms, and which samples it was."""


@dataclass(frozen=True)
class Step:
    """One update of the weights."""

    objective: nn.Module
    """An ``Objective``, wrapped or not."""
    weights: Weights
    optimiser: Optimizer
    schedule: Schedule
    steps: int
    """Of the whole run."""
    clip_norm: float
    device: torch.device
    speed: Speed = field(default_factory=Speed)
    after: Callable[[], None] = lambda: None
    """Called after each update; a moving average follows here."""
    buffers: Buffers = field(default_factory=Buffers)
    apart: AbstractSet[nn.Parameter] = frozenset()
    """Weights of which each process holds another part."""

    def __call__(self, number: int, images: Tensor, batch: Batch) -> dict[str, float]:
        """Update the weights and return the value of every term.

        Raises:
            NonFiniteLoss: weights, buffers and optimiser are those of the step before.
        """
        self.buffers.keep(self.objective)
        try:
            with computing(self.speed):
                return self._update(number, images, batch)
        except NonFiniteLoss:
            self.buffers.put_back(self.objective)
            raise

    def _update(self, number: int, images: Tensor, batch: Batch) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = group["base_lr"] * self.schedule(number)
        images = images.to(self.device, non_blocking=True, memory_format=self.speed.layout)
        with autocast(self.device, self.speed.precision):
            terms: Terms = self.objective(images, batch)
        loss = self.weights.total(terms, number / self.steps)
        values = _averaged({**terms, "loss": loss})
        if not math.isfinite(values["loss"]):
            raise NonFiniteLoss(f"the loss is not finite ({_worst(values)})", {"terms": values})
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        trained = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        norm = clip(trained, self.clip_norm, self.apart)
        if not torch.isfinite(norm):
            raise NonFiniteLoss(
                "the gradient is not finite", {"terms": values, "gradient_norms": gradient_norms(self.objective)}
            )
        self.optimiser.step()
        self.after()
        return {**values, "gradient_norm": float(norm)}


def _averaged(terms: Terms) -> dict[str, float]:
    """Means over processes, so that all of them stop at a loss that is not finite; one look at the device for all."""
    means = dist.mean(torch.stack([value.detach().float() for value in terms.values()]))
    return dict(zip(terms, means.tolist(), strict=True))


def _worst(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if not abs(value) < float("inf"))


def gradient_norms(objective: nn.Module) -> dict[str, float]:
    """Norm of every parameter's gradient, by its name."""
    return {
        name.removeprefix("module."): float(parameter.grad.norm())
        for name, parameter in objective.named_parameters()
        if parameter.grad is not None
    }
