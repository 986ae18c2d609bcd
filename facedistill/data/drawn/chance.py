"""Random numbers that depend on a key, never on what was drawn before."""

import numpy as np

Number = int | float
"""Checkers of annotations take no int for a float."""


def within(value: Number, low: Number, high: Number) -> float:
    """``value`` inside the limits, as a plain number: NumPy's own clip is slow for one."""
    return float(min(max(value, low), high))


class Chance:
    """A stream of its own for every key, the same in every process and order.

    Philox is a function of key and counter (Salmon et al. 2011): seed and purpose are the key; identity and picture
    are the counter's upper half, and drawing counts in the lower.
    """

    def __init__(self, seed: int, purpose: int, identity: int, picture: int = 0) -> None:
        key, counter = np.array([seed, purpose], np.uint64), np.array([0, 0, picture, identity], np.uint64)
        self.generator = np.random.Generator(np.random.Philox(key=key, counter=counter))

    def around(self, mean: Number, spread: Number) -> float:
        """A normal number, its tails cut at 2 spreads."""
        return mean + spread * min(max(self.generator.standard_normal(), -2.0), 2.0)

    def between(self, low: Number, high: Number) -> float:
        return low + (high - low) * self.generator.random()

    def happens(self, probability: Number) -> bool:
        return bool(self.generator.random() < probability)

    def bytes(self, shape: tuple[int, ...]) -> np.ndarray:
        """Even random bytes."""
        return self.generator.integers(0, 256, shape, dtype=np.uint8)

    def colour(self, low: Number, high: Number) -> np.ndarray:
        """Three independent channels, float32."""
        return (low + (high - low) * self.generator.random(3)).astype(np.float32)
