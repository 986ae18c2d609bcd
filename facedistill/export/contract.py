"""What a target is: it writes the student for a runtime, and runs what it wrote."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from ..backbones.contract import AbstractBackbone, Preprocess
from ..catalogue import catalogue
from ..errors import UserError, unknown
from .dress import RGB, dressed
from .gate import GATES, Gate
from .half import half
from .prelu import for_floats, for_integers
from .sensitive import Quantised, Report, quantise
from .trace import PIXELS, trace

if TYPE_CHECKING:
    from onnx import ModelProto

PRECISIONS = tuple(GATES)

Runner = Callable[[UInt8[np.ndarray, "B S S 3"]], Float[np.ndarray, "B D"]]
"""Crops to embeddings, in the target's own runtime."""


@dataclass(frozen=True)
class Graphs:
    """The student as ONNX graphs, each made when it is first asked for."""

    student: AbstractBackbone
    calibration: UInt8[np.ndarray, "N S S 3"]
    """Crops that ranges of eight bits are taken from, and layers judged by."""
    gate: Gate = GATES["int8"]
    in_graph: bool = True
    """Whether a file prepares its pixels itself."""
    report: Report | None = None

    @property
    def preprocess(self) -> Preprocess:
        return self.student.preprocess

    @cached_property
    def traced(self) -> "ModelProto":
        return trace(self.student)

    @cached_property
    def fp32(self) -> "ModelProto":
        return for_floats(self.traced)

    @cached_property
    def fp16(self) -> "ModelProto":
        return half(self.fp32)

    @cached_property
    def quantised(self) -> Quantised:
        return quantise(for_integers(self.traced), prepared(self.preprocess, self.calibration), self.gate, self.report)

    def core(self, precision: str) -> "ModelProto":
        """From prepared pixels to the embedding."""
        made = {"fp32": lambda: self.fp32, "fp16": lambda: self.fp16, "int8": lambda: self.quantised.core}
        return made[precision]()

    def whole(self, precision: str) -> "ModelProto":
        """From a file's input to the unit embedding."""
        return dressed(self.core(precision), self.preprocess, RGB if self.in_graph else PIXELS)

    def as_traced(self, takes: str) -> "ModelProto":
        """The same in float32 with PReLU as it is, for runtimes whose own is fast."""
        return dressed(self.traced, self.preprocess, takes)


class AbstractTarget(ABC):
    """A runtime. Its file in ``export/targets`` names it."""

    @property
    @abstractmethod
    def endings(self) -> tuple[str, ...]:
        """How its files end, with the dot; the first is the one to open, and the others lie beside it."""

    @property
    @abstractmethod
    def precisions(self) -> tuple[str, ...]:
        """Those of ``PRECISIONS`` that it can write."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """What its files can take: ``RGB`` or ``PLANES``, and ``PIXELS`` where the app may prepare them."""

    @property
    @abstractmethod
    def from_onnx(self) -> bool:
        """Whether what it writes is one of ``Graphs``, whose layers can be looked at and kept in float."""

    @abstractmethod
    def check_installed(self) -> None:
        """Raises ``UserError`` with the line that installs what is missing."""

    @abstractmethod
    def write(self, graphs: Graphs, precision: str, file: Path) -> None:
        """Write the student in one of ``precisions`` to ``file`` and whatever it needs beside it.

        Raises:
            UserError: an operator that the runtime does not take.
        """

    @abstractmethod
    def open(self, file: Path, *, threads: int = 1) -> Runner:
        """What runs a file that ``write`` wrote, on so many threads.

        Raises:
            UserError: a damaged file, or one that needs others.
        """

    @property
    def unproven(self) -> str:
        """Why nothing on this system can run its files, and what to do, in words; empty where they run."""
        return ""

    def parts(self, file: Path) -> tuple[Path, ...]:
        """A file, or a folder that stands for one, and those beside it that it needs."""
        stem = file.name.removesuffix(self.endings[0])
        return tuple(file.with_name(f"{stem}{ending}") for ending in self.endings)


def target(name: str) -> AbstractTarget:
    """The target of a name.

    Raises:
        UserError: an unknown name, or its packages are missing.
    """
    known = catalogue("export.targets", AbstractTarget)
    if name not in known:
        raise unknown("target", name, known)
    found: AbstractTarget = known[name]()
    found.check_installed()
    return found


def target_of(file: str) -> tuple[str, AbstractTarget]:
    """Name and target of a file in a package, by its ending.

    Raises:
        UserError: no target writes such files, or its packages are missing.
    """
    for name, builder in catalogue("export.targets", AbstractTarget).items():
        found: AbstractTarget = builder()
        if file.endswith(found.endings[0]):
            found.check_installed()
            return name, found
    raise UserError(f"No runtime here opens {file}; export the student again.")


def prepared(preprocess: Preprocess, crops: UInt8[np.ndarray, "N S S 3"]) -> Float[np.ndarray, "N 3 S S"]:
    """Crops as the network sees them."""
    import torch

    values: Any = preprocess(torch.from_numpy(crops).permute(0, 3, 1, 2))
    pixels: np.ndarray = values.contiguous().numpy()
    return pixels
