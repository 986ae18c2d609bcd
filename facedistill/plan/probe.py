"""Short measurements of what no formula knows: how fast this machine is, and what a network keeps for its way back."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..train.loop import on_device
from ..train.objective import Objective
from ..types import Batch
from .held import FEW, Saved, line

TIMES = 3
SAMPLES = (2, 4)
"""What is kept grows with their number."""
TIMED = (4, 16)
"""Samples; a turn takes so long, and each further sample so much longer."""
LABELLED = 8
WEIGHTS = 1 << 20


@dataclass(frozen=True)
class Networks:
    """Student, teacher and methods on a few images."""

    kept_bytes: Callable[[int], int]
    """Of so many samples."""
    seconds: Callable[[int], float]
    """For so many samples, there and back."""


def networks(objective: Objective, size_px: int, device: torch.device) -> Networks:
    """Measure ``objective`` on a few random images and on some more, after a turn to warm up."""
    objective.train()
    few, more = (_kept(objective, *_samples(count, size_px, device)) for count in SAMPLES)
    taken = [_turn_s(objective, _samples(count, size_px, device), device) for count in TIMED]
    each = max(0.0, taken[1] - taken[0]) / (TIMED[1] - TIMED[0])
    return Networks(lambda count: line(SAMPLES, (few, more), count), lambda count: taken[1] + each * (count - TIMED[1]))


def _turn_s(objective: Objective, seen: tuple[Tensor, Batch], device: torch.device) -> float:
    return _median_s(lambda: _there_and_back(objective, *seen), device)


def _kept(part: nn.Module, seen: Tensor, about: Batch | Tensor) -> int:
    saved = Saved(part)
    with saved.hooks:
        part(seen, about)
    return saved.nbytes


def _there_and_back(objective: Objective, images: Tensor, about: Batch) -> None:
    objective.zero_grad()
    torch.stack([term.float() for term in objective(images, about).values()]).sum().backward()


def _samples(count: int, size_px: int, device: torch.device) -> tuple[Tensor, Batch]:
    number = torch.arange(count)
    images = torch.randint(0, 256, (count, 3, size_px, size_px), dtype=torch.uint8)
    about = Batch(number % LABELLED, number, torch.zeros_like(number), torch.tensor(0.0))
    return images.to(device), on_device(about, device, 0.5)


def kept_logits(build: Callable[[int], nn.Module], samples: int, identities: int, width: int) -> int:
    """Bytes that a head keeps for its way back, judging by few samples of few identities: of each of these, of each of
    those, and of each pair."""
    kept = [_of_pairs(build(few), samples, width) for few in FEW]
    return line(FEW, (kept[0], kept[1]), identities)


def _of_pairs(head: nn.Module, samples: int, width: int) -> int:
    few, more = (_kept(head.eval(), torch.randn(count, width).requires_grad_(), _zeros(count)) for count in SAMPLES)
    return line(SAMPLES, (few, more), samples)


def _zeros(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.int64)


def logit_seconds(head: nn.Module, samples: int, width: int, identities: int, device: torch.device) -> float:
    """For one sample and one identity, there and back."""
    head = head.to(device)
    embedding = torch.randn(samples, width, device=device, requires_grad=True)
    labels = torch.arange(samples, device=device) % identities
    return _median_s(lambda: head(embedding, labels).backward(), device) / (samples * identities)


def weight_seconds(optimiser: Callable[[nn.Parameter], Optimizer], device: torch.device) -> float:
    """For one weight that the optimiser moves."""
    weight = nn.Parameter(torch.zeros(WEIGHTS, device=device))
    weight.grad = torch.zeros_like(weight)
    built = optimiser(weight)
    return _median_s(lambda: built.step(), device) / WEIGHTS


def _median_s(work: Callable[[], object], device: torch.device) -> float:
    work()
    return median(_seconds(work, device) for _ in range(TIMES))


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
