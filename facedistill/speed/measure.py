"""Two ways to compute the same, timed in turn, within a time that a run of this length can spare."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import torch

Work = Callable[[], object]

ROUNDS = 3
"""Times each way is taken, after one that warms up."""


@dataclass
class Clock:
    """Wall time of work on ``device``, and how much of it was spent since the clock was made."""

    device: torch.device
    since: float = field(default_factory=lambda: time.perf_counter())

    @property
    def spent_s(self) -> float:
        return time.perf_counter() - self.since

    def seconds(self, work: Work) -> float:
        self._settle()
        start = time.perf_counter()
        work()
        self._settle()
        return time.perf_counter() - start

    def duel(self, old: Work, new: Work) -> tuple[float, float, float]:
        """Median seconds of both, and what the first call of ``new`` took beyond that."""
        old()
        first = self.seconds(new)
        taken = [(self.seconds(old), self.seconds(new)) for _ in range(ROUNDS)]
        old_s, new_s = (median(each) for each in zip(*taken, strict=True))
        return old_s, new_s, max(0.0, first - new_s)

    def _settle(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
