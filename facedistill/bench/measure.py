"""Time of several ways to do the same thing, in turn, so that what else the machine does falls upon all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import torch
import torch.nn.functional as F

T = TypeVar("T")
Ways = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Effort:
    """How long to look, and with how many threads."""

    quick: bool = False
    threads: int = 1

    def of(self, quick: T, full: T) -> T:
        return quick if self.quick else full

    def clock(self) -> float:
        """Seconds: processor time where one thread works, which others on the machine hardly touch; else wall time."""
        return time.process_time() if self.threads == 1 else time.perf_counter()

    def seconds(self, work: Callable[[], object]) -> float:
        start = self.clock()
        work()
        return self.clock() - start

    def interleaved(self, ways: Ways, *, quick: int = 3, full: int = 9) -> dict[str, float]:
        """Median seconds of one call of each, after one that warms up."""
        for way in ways.values():
            way()
        taken = [{name: self.seconds(way) for name, way in ways.items()} for _ in range(self.of(quick, full))]
        return {name: median(turn[name] for turn in taken) for name in ways}


def conv_flops(effort: Effort, dtype: torch.dtype = torch.float32) -> float:
    """Floating point operations a second in what this machine is best at: a 3 x 3 convolution of 256 channels."""
    shapes = (8, 256, 28, 28), (256, 256, 3, 3)
    maps, weight = (torch.randn(shape).to(dtype, memory_format=torch.channels_last) for shape in shapes)
    taken = effort.interleaved({"conv": lambda: F.conv2d(maps, weight, padding=1)}, quick=9, full=19)
    return 2 * weight.numel() * maps[:, 0].numel() / taken["conv"]
