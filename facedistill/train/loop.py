"""The training loop; it names no method, backbone or head."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import dist
from ..data.contract import AbstractFaces
from ..data.loader import Loader
from ..errors import UserError
from ..progress import Display
from ..speed.choices import Speed
from ..speed.computing import autocast, computing
from ..types import Batch, Terms
from .clip import clip
from .log import Log
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


@dataclass
class Meter:
    """Where the time of a run goes, and what the terms were, since the last look."""

    images: int = 0
    waiting_s: float = 0.0
    since: float = field(default_factory=time.monotonic)
    terms: dict[str, float] = field(default_factory=dict)
    steps: int = 0

    def add(self, images: int, waiting_s: float, terms: Mapping[str, float]) -> None:
        self.images += images
        self.waiting_s += waiting_s
        self.steps += 1
        for name, value in terms.items():
            self.terms[name] = self.terms.get(name, 0.0) + value

    def read(self) -> dict[str, float]:
        """Mean terms, images a second, and the share of time spent waiting for data."""
        elapsed_s = max(time.monotonic() - self.since, 1e-9)
        means = {name: value / self.steps for name, value in self.terms.items()}
        return {**means, "images_per_s": self.images / elapsed_s, "data_wait": self.waiting_s / elapsed_s}

    def readings(self) -> dict[str, Any]:
        """All it holds, for ``resumed``."""
        elapsed_s = time.monotonic() - self.since
        about = {"images": self.images, "steps": self.steps, "waiting_s": self.waiting_s, "elapsed_s": elapsed_s}
        return {**about, "terms": dict(self.terms)}

    @classmethod
    def resumed(cls, readings: Mapping[str, Any]) -> "Meter":
        """A meter that goes on where another one was read."""
        since = time.monotonic() - readings["elapsed_s"]
        return cls(readings["images"], readings["waiting_s"], since, dict(readings["terms"]), readings["steps"])


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


AfterStep = Callable[[int, Meter], None]


def train_epoch(
    step: Step,
    loader: Loader,
    epoch: int,
    *,
    display: Display,
    logs: Sequence[Log],
    faces: AbstractFaces,
    start: int = 0,
    meter: Meter | None = None,
    after_step: AfterStep = lambda steps, meter: None,
) -> None:
    """One pass over the training set, or what is left of one.

    Args:
        start: steps of it that are done.
        meter: what was seen in them.
        after_step: told how many are done after each, and may raise to end it all.

    Raises:
        NonFiniteLoss: names the epoch, the step and the samples of the batch.
    """
    meter, first = meter or Meter(), epoch * len(loader)
    asked = time.monotonic()
    for done, (images, batch) in enumerate(loader.epoch(epoch, start), start):
        waiting_s = time.monotonic() - asked
        batch = on_device(batch, step.device, (first + done) / step.steps)
        try:
            terms = step(first + done, images, batch)
        except NonFiniteLoss as error:
            raise _located(error, epoch, done, first, batch, faces) from None
        meter.add(len(images), waiting_s, terms)
        display.advance(first + done + 1, _remark(terms, meter))
        after_step(done + 1, meter)
        asked = time.monotonic()
    rate = step.optimiser.param_groups[0]["lr"]
    for log in logs:
        log.write(first + len(loader), {"epoch": epoch + 1, "lr": rate, **meter.read()})


def _remark(terms: Mapping[str, float], meter: Meter) -> str:
    now = meter.read()
    return f"loss {terms['loss']:.3f} {now['images_per_s']:.0f} images/s wait {now['data_wait']:.0%}"


def on_device(batch: Batch, device: torch.device, progress: float) -> Batch:
    """``batch`` where the networks are, at ``progress`` of the training."""
    return Batch(
        batch.labels.to(device), batch.index.to(device), batch.view.to(device), torch.tensor(progress, device=device)
    )


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


def _located(
    error: NonFiniteLoss, epoch: int, done: int, first: int, batch: Batch, faces: AbstractFaces
) -> NonFiniteLoss:
    index = batch.index.tolist()
    names = ", ".join(faces.name(number) for number in index[:3])
    where = {
        "epoch": epoch,
        "steps": done,
        "index": index,
        "view": batch.view.tolist(),
        "labels": batch.labels.tolist(),
    }
    return NonFiniteLoss(
        f"Stopped in epoch {epoch + 1}, step {first + done + 1}: {error}; the weights are those of the step before. "
        f"The batch holds {names} and {max(0, len(index) - 3)} more: look at these images, or lower the "
        "learning rate or the margin.",
        {**error.evidence, **where},
    )
