"""The measured choice: one change after another is tried on the real network, and kept where it is faster.

A run gives a fiftieth of its expected length to this, a minute at most, and so a short one nothing: it keeps what it
began with. Compiling is tried where a gain can pay for it, and kept where it has.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from pydantic import BaseModel

from .. import dist
from ..errors import one_line
from .measure import ROUNDS, Clock, Work

LONGEST_S, SHARE = 60.0, 0.02
"""What trying costs at most, and of a run that would take so long."""
GAIN = 0.05
"""Less is taken for noise, and the choice that is closer to ``off`` stays."""
COMPILE_S, COMPILE_GAIN = 120.0, 0.1
"""What compiling a MobileFaceNet or ViT may cost on two cores, and what must pay for it before it is tried."""

Choice = TypeVar("Choice", bound=BaseModel)
Change = Mapping[str, Any]


@dataclass(frozen=True)
class Found(Generic[Choice]):
    """What a probe says."""

    choice: Choice
    gain: float
    """Times as fast as it began; one where nothing was measured or nothing was better."""
    said: tuple[str, ...] = ()
    """What does not work here, and why."""


@dataclass(frozen=True)
class Probe(Generic[Choice]):
    """Looks for the fastest way to do a piece of work."""

    work: Callable[[Choice], Work]
    """Makes the work of a choice."""
    device: torch.device
    times: int
    """How often the run will do it."""
    changes: Sequence[Change]
    compiled: Sequence[Change]
    """Those that compile, tried last."""

    def search(self, start: Choice) -> Found[Choice]:
        """The best choice that there was time to find, the same in every process."""
        clock, work, said = Clock(self.device), self.work(start), list[str]()
        work()
        first_s = step_s = _agreed(clock.seconds(work))
        choice = start
        for change in [*self.changes, *self.compiled]:
            compiles = change in self.compiled
            if self._affordable(step_s, _agreed(clock.spent_s), compiles=compiles):
                other = choice.model_copy(update=dict(change))
                new = self.work(other)
                old_s, new_s, extra_s = map(_agreed, _duel(clock, work, new, other, said))
                saved_s = self.times * (old_s - new_s) - (extra_s if compiles else 0.0)
                if saved_s > GAIN * self.times * old_s:
                    choice, work, step_s = other, new, step_s * new_s / old_s
        return Found(choice, first_s / step_s, tuple(said))

    def _affordable(self, step_s: float, spent_s: float, *, compiles: bool) -> bool:
        run_s = self.times * step_s
        if compiles:
            return run_s * COMPILE_GAIN > COMPILE_S
        return spent_s + 2 * (ROUNDS + 1) * step_s < min(LONGEST_S, SHARE * run_s)


def _duel(clock: Clock, old: Work, new: Work, choice: BaseModel, said: list[str]) -> tuple[float, float, float]:
    """As ``Clock.duel``; what fails here takes infinitely long."""
    try:
        return clock.duel(old, new)
    except (RuntimeError, NotImplementedError) as error:
        said.append(f"{choice!r} does not work here: {one_line(error, 120)}")
        return 1.0, math.inf, 0.0


def _agreed(seconds: float) -> float:
    """The mean over processes, which must all choose alike."""
    return float(dist.stacked(torch.tensor(seconds, dtype=torch.float64)).mean())
