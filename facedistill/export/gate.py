"""How near a file's embeddings are to the student's, and how near they must be."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float

from ..evaluate.embeddings.unit import unit_rows


@dataclass(frozen=True)
class Agreement:
    """Cosines between what two networks say of the same crops."""

    min_cosine: float
    mean_cosine: float
    p1_cosine: float
    """First percentile: 99 of 100 crops are nearer than this."""


def agreement(wanted: Float[np.ndarray, "N D"], given: Float[np.ndarray, "N D"]) -> Agreement:
    """Of embeddings of any length; an answer that is not finite agrees with nothing."""
    a, b = (unit_rows(each.astype(np.float64)) for each in (wanted, given))
    cosines = np.nan_to_num((a * b).sum(1), nan=-1.0)
    return Agreement(float(cosines.min()), float(cosines.mean()), float(np.percentile(cosines, 1)))


@dataclass(frozen=True)
class Gate:
    """The least that a precision must reach."""

    min_cosine: float = -1.0
    mean_cosine: float = -1.0
    p1_cosine: float = -1.0
    tar_points: float = 0.5
    """By how many points TAR at FAR may fall."""

    def passes(self, seen: Agreement) -> bool:
        return not list(self.misses(seen))

    def misses(self, seen: Agreement, tar_change: float = 0.0) -> Iterator[str]:
        """What is missed, in words; ``tar_change`` is a share, below zero where TAR fell."""
        wanted = asdict(self)
        for name, value in asdict(seen).items():
            if value < wanted[name]:
                yield f"{name.replace('_', ' ')} {value:.6g} is below {wanted[name]:g}"
        if -100 * tar_change > self.tar_points:
            yield f"TAR fell by {-100 * tar_change:.2f} points, more than {self.tar_points:g}"


GATES = {
    "fp32": Gate(min_cosine=0.99999),
    "fp16": Gate(min_cosine=0.999),
    "int8": Gate(mean_cosine=0.99, p1_cosine=0.97),
}
"""By precision. Eight bits lose what no layer alone is to blame for, so that their single worst crop is not judged."""
