"""The speed of a run, measured on its own student and teacher."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from ..backbones.contract import AbstractBackbone
from ..teachers.contract import AbstractTeacher
from .choices import Speed, TeacherSpeed
from .computing import autocast, compile_network, computing, hastened, lay_out
from .measure import Clock, Work
from .probe import Change, Found, Probe

COMPILED: Sequence[Change] = ({"compile": "regional"}, {"compile": "whole"})
BF16: Change = {"precision": "bf16"}


@dataclass(frozen=True)
class Chosen:
    """A speed, and why."""

    speed: Speed
    sentence: str = ""


def choose_speed(
    model: AbstractBackbone, teacher: AbstractTeacher | None, batch: int, steps: int, device: torch.device
) -> Chosen:
    """The fastest way to train ``model`` by a frozen ``teacher`` for ``steps`` steps of ``batch`` images.

    Nothing is changed by it: neither weights nor statistics, nor the random numbers to come.
    """
    clock = Clock(device)
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        student = _search_student(model, batch, steps, device)
        stack.enter_context(computing(student.choice))
        asked = _search_teacher(teacher, batch, steps, device)
    # Fused SGD is the same to the bit, and five times as fast on a core: there is nothing to measure.
    speed = student.choice.model_copy(update={"teacher": asked.choice, "fused": device.type in ("cpu", "cuda")})
    gains = f"{student.gain:.1f} times the student's speed, {asked.gain:.1f} times the teacher's"
    return Chosen(speed, " ".join([f"speed: {speed.words} ({gains}, tried in {clock.spent_s:.0f} s)", *student.said]))


def _search_student(model: AbstractBackbone, batch: int, steps: int, device: torch.device) -> Found[Speed]:
    # On a CPU "medium" is another library and, where it can, bfloat16; on a GPU "high" is TF32.
    changes: list[Change] = [BF16, {"matmul": "medium" if device.type == "cpu" else "high"}, {"channels_last": False}]
    work = student_work(model, _images(model, batch, device))
    return Probe(work, device, steps, changes, COMPILED).search(Speed())


def _search_teacher(
    teacher: AbstractTeacher | None, batch: int, steps: int, device: torch.device
) -> Found[TeacherSpeed]:
    frozen = hastened(teacher)
    if frozen is None:
        return Found(TeacherSpeed(), 1.0)
    work = teacher_work(frozen.network, _images(frozen.network, batch, device))
    return Probe(work, device, steps, [BF16], COMPILED).search(TeacherSpeed(precision=frozen.precision))


def student_work(model: AbstractBackbone, images: UInt8[Tensor, "B 3 H W"]) -> Callable[[Speed], Work]:
    """Forward and backward passes of a copy of ``model``, by choice."""

    def work(speed: Speed) -> Work:
        network = deepcopy(model).train()
        lay_out(network, speed)
        compile_network(network, speed.compile)
        pixels = images.contiguous(memory_format=speed.layout)

        def step() -> None:
            network.zero_grad(set_to_none=True)
            with computing(speed):
                with autocast(images.device, speed.precision):
                    embedding = network(pixels).embedding
                embedding.square().mean().backward()

        return step

    return work


def teacher_work(network: AbstractBackbone, images: UInt8[Tensor, "B 3 H W"]) -> Callable[[TeacherSpeed], Work]:
    """Answers of a frozen ``network``, by choice."""

    def work(speed: TeacherSpeed) -> Work:
        asked = network if speed.compile == "none" else deepcopy(network)
        compile_network(asked, speed.compile)

        @torch.no_grad()
        def ask() -> None:
            with autocast(images.device, speed.precision):
                asked(images)

        return ask

    return work


def _images(network: AbstractBackbone, batch: int, device: torch.device) -> UInt8[Tensor, "B 3 S S"]:
    """Pixels of no meaning: time does not depend on them."""
    size_px = network.preprocess.size_px
    return torch.randint(0, 256, (batch, 3, size_px, size_px), dtype=torch.uint8, device=device)
