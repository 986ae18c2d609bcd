"""How similar pairs of one person and of two are: counts in equal steps, small enough to travel with a package."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

BINS = 100
"""Steps of 0.02 from cosine -1 to 1."""

_ROWS = 512
"""Embeddings that are compared with all others at once."""


@dataclass(frozen=True)
class Histogram:
    """Pairs in ``BINS`` equal steps from -1 to 1, each by its lower end; 1 itself is in the last."""

    genuine: list[int]
    impostor: list[int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def histogram(rows: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"]) -> Histogram:
    """Counts over all pairs i < j of unit embeddings whose identities are known."""
    counts = np.zeros((2, BINS), np.int64)
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS] @ rows[start:].T
        later = np.triu(np.ones(block.shape, dtype=bool), 1)
        same = labels[start : start + _ROWS, None] == labels[None, start:]
        steps = np.clip(((block + 1) * (BINS / 2)).astype(np.int64), 0, BINS - 1)
        for kind, chosen in enumerate((same & later, ~same & later)):
            counts[kind] += np.bincount(steps[chosen], minlength=BINS)
    genuine, impostor = counts.tolist()
    return Histogram(genuine, impostor)
