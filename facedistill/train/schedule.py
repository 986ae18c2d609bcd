"""Learning-rate schedules: the share of the base rate at every step, 0-based.

All warm up linearly, per step, from nothing over ``warmup_epochs``.
"""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def cosine(steps: int, epochs: int, /, *, warmup_epochs: float = 1.0, floor: float = 0.0) -> Schedule:
    """Half a cosine down to ``floor`` of the base rate (GKD: 20 epochs, 4 of warm-up)."""
    return _warmed(
        steps, epochs, warmup_epochs, lambda share: floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2
    )


def poly(steps: int, epochs: int, /, *, warmup_epochs: float = 0.0, power: float = 2.0) -> Schedule:
    """(1 - share of training) ** power (insightface's polynomial decay)."""
    return _warmed(steps, epochs, warmup_epochs, lambda share: (1 - share) ** power)


def step(
    steps: int, epochs: int, /, *, at_epochs: tuple[float, ...], factor: float = 0.1, warmup_epochs: float = 0.0
) -> Schedule:
    """Multiply by ``factor`` at each of ``at_epochs`` (AdaDistill: 8, 14, 20 and 25 of 26)."""
    per_epoch = steps / epochs
    warm = round(warmup_epochs * per_epoch)

    def rate(now: int) -> float:
        return min(1.0, (now + 1) / (warm + 1)) * factor ** sum(now >= at * per_epoch for at in at_epochs)

    return rate


SCHEDULES: dict[str, Callable[..., Schedule]] = {"cosine": cosine, "poly": poly, "step": step}


def _warmed(steps: int, epochs: int, warmup_epochs: float, after: Callable[[float], float]) -> Schedule:
    warm = round(warmup_epochs * steps / epochs)

    def rate(now: int) -> float:
        if now < warm:
            return (now + 1) / (warm + 1)
        return after((now - warm) / max(1, steps - warm))

    return rate
