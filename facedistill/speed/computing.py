"""A choice of speed put into effect on networks and for the length of a training."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from ..errors import UserError
from ..teachers.contract import AbstractTeacher
from ..teachers.frozen import AbstractFrozen
from .choices import Compile, Speed, TeacherSpeed

COMPILERS = ("c++", "g++", "clang++")


@contextmanager
def computing(speed: Speed) -> Iterator[None]:
    """Float32 matrix products as ``speed`` says: a setting of the whole process, put back at the end."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(speed.matmul)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def eagerly(speed: Speed) -> AbstractContextManager[object]:
    """While entered, nothing is compiled: a batch of another size than a step's would be, anew."""
    if speed.compile == "none" and speed.teacher.compile == "none":
        return nullcontext()
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance


def lay_out(network: nn.Module, speed: Speed) -> None:
    """The memory format of the weights; values stay."""
    network.to(memory_format=speed.layout)  # type: ignore[call-overload]


def autocast(device: torch.device, precision: str | None) -> torch.autocast:
    """The surroundings of a forward pass."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def compile_network(network: nn.Module, how: Compile) -> None:
    """Have ``network`` compiled when it is next called; its names and weights stay, and a copy of it is not compiled.

    Raises:
        UserError: there is no compiler for it.
    """
    parts = {"none": [], "regional": regions(network), "whole": [network]}[how]
    if parts and next(network.parameters()).is_cpu:
        _check_compiler()
    for part in parts:
        part.compile(dynamic=False)


def regions(network: nn.Module) -> list[nn.Module]:
    """The outermost parts of a kind that ``network`` itself is made of and has several of: its blocks, one code for
    all of one shape.
    """
    own = [part for part in network.modules() if _is_block(part)]
    several = {kind for kind, count in Counter(type(part) for part in own).items() if count > 1}
    return _outermost(network, several)


def _is_block(part: nn.Module) -> bool:
    return not type(part).__module__.startswith("torch.") and any(True for _ in part.children())


def _outermost(network: nn.Module, kinds: set[type]) -> list[nn.Module]:
    found: list[nn.Module] = []
    for part in network.children():
        found += [part] if type(part) in kinds else _outermost(part, kinds)
    return found


def hastened(teacher: AbstractTeacher | None) -> AbstractFrozen | None:
    """A teacher whose speed can be chosen, or None: it learns, is stored, or another library computes it."""
    if not isinstance(teacher, AbstractFrozen) or not any(True for _ in teacher.network.parameters()):
        return None
    return teacher


def hasten(teacher: AbstractTeacher | None, speed: TeacherSpeed) -> None:
    """Put ``speed`` into effect on a teacher.

    Raises:
        UserError: its speed cannot be chosen.
    """
    if speed == TeacherSpeed():
        return
    frozen = hastened(teacher)
    if frozen is None:
        raise UserError("training.speed.teacher is for a frozen network that is asked, as teacher live; leave it out.")
    frozen.precision = speed.precision or frozen.precision
    compile_network(frozen.network, speed.compile)


def _check_compiler() -> None:
    wanted = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([wanted] if wanted else COMPILERS)):
        raise UserError("training.speed.compile needs a C++ compiler here; install g++, or take compile: none.")
