"""Random numbers that depend on a key, never on what was drawn before."""

import numpy as np

Number = int | float
"""Checkers of annotations take no int for a float."""


class Chance:
    """A counter-based stream of its own for every key, the same in every process and order."""

    def __init__(self, seed: int, *key: int) -> None:
        self.generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))

    def around(self, mean: Number, spread: Number) -> float:
        """A normal number, its tails cut at 2 spreads."""
        return mean + spread * min(max(self.generator.standard_normal(), -2.0), 2.0)

    def between(self, low: Number, high: Number) -> float:
        return float(self.generator.uniform(low, high))

    def happens(self, probability: Number) -> bool:
        return bool(self.generator.random() < probability)

    def colour(self, low: Number, high: Number) -> np.ndarray:
        """Three independent channels, float32."""
        return self.generator.uniform(low, high, 3).astype(np.float32)
