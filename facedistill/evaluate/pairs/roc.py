"""TAR at FAR: the share of genuine pairs accepted while at most a share x of impostor pairs is.

The strict figure: the best TAR over all thresholds whose FAR is at most x. A pair is accepted iff its score is
**above** the threshold, so that tied impostors come in together or not at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...errors import UserError
from .scores import AbstractScores

SUPPORTING_ERRORS = 30
"""Impostor errors below which a figure is called unsupported ("rule of 30", Doddington et al., 2000)."""


@dataclass(frozen=True)
class Point:
    """One point of the curve, with the counts behind it."""

    far_asked: float
    tar: float
    far: float
    """Reached: at most the one asked for."""
    threshold: float
    """Cosine; accepted is what lies above."""
    genuine_accepted: int
    impostors_accepted: int
    supported: bool
    """Whether the pairs are enough to see ``SUPPORTING_ERRORS`` impostor errors at the FAR asked for."""


def tar_at_far(scores: AbstractScores, fars: Sequence[float]) -> list[Point]:
    """The strict TAR at every FAR.

    Raises:
        UserError: a FAR outside (0, 1); no genuine or no impostor pair to judge.
    """
    check_fars(fars)
    if not len(scores.genuine) or not len(scores.impostor):
        raise UserError("TAR at FAR needs an identity with two images, and two identities; give a larger folder.")
    thresholds = weighted_thresholds(scores, fars, np.ones(scores.identities))
    return [_point(scores, far, float(threshold)) for far, threshold in zip(fars, thresholds, strict=True)]


def supported(far: float, impostors: int) -> bool:
    """Whether so many impostor pairs are enough to see ``SUPPORTING_ERRORS`` errors at this FAR."""
    return far * impostors >= SUPPORTING_ERRORS - 1e-9


def check_fars(fars: Sequence[float]) -> None:
    """Raises ``UserError`` where one is no share between 0 and 1, or none is given."""
    if not fars or not all(0 < far < 1 for far in fars):
        raise UserError(f"A FAR lies between 0 and 1, both excluded; got {', '.join(map(str, fars)) or 'none'}.")


def _point(scores: AbstractScores, far: float, threshold: float) -> Point:
    genuine, impostors = int((scores.genuine > threshold).sum()), int((scores.impostor > threshold).sum())
    total, tar = scores.impostor_pairs, genuine / len(scores.genuine)
    return Point(far, tar, impostors / total, threshold, genuine, impostors, supported(far, total))


def weighted_tar(
    scores: AbstractScores, fars: Sequence[float], weights: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " fars"]:
    """The strict TAR at every FAR, identities weighed; NaN where no genuine or no impostor pair weighs anything."""
    genuine = scores.genuine_weights(weights)
    total = genuine.sum()
    if total == 0 or scores.impostor_total(weights) == 0:
        return np.full(len(fars), np.nan)
    above = np.searchsorted(-scores.genuine, -weighted_thresholds(scores, fars, weights), side="left")
    return np.array([genuine[:count].sum() for count in above]) / total


def weighted_thresholds(
    scores: AbstractScores, fars: Sequence[float], weights: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " fars"]:
    """The lowest threshold whose FAR is at most x: the score of the first impostor that would exceed x.

    Where the impostors kept weigh less than x of all, the lowest of them is the answer and TAR a lower bound.
    """
    # The tiny factor keeps 0.29 * 100 from losing its 29th impostor to rounding.
    allowed = np.asarray(fars) * scores.impostor_total(weights) * (1 + 1e-12)
    weighed = _weighed(scores, weights, allowed.max(), fars)
    return scores.impostor[[_first_excess(weighed, weight) for weight in allowed]]


def _weighed(
    scores: AbstractScores, weights: Float[np.ndarray, " K"], allowed: float, fars: Sequence[float]
) -> Float[np.ndarray, " H"]:
    """Weights of the impostors from the highest down, until ``allowed`` is exceeded or none is left."""
    count = math.ceil(_PREFIX * max(fars) * scores.impostor_pairs) + 1
    while True:
        weighed = scores.impostor_weights(weights, count)
        if count >= len(scores.impostor) or weighed.sum() > allowed:
            return weighed
        count *= 2


_PREFIX = 1.1
"""Impostors weighed first, in units of those that the highest FAR allows when all weigh the same."""


def _first_excess(weighed: Float[np.ndarray, " H"], allowed: float) -> int:
    """Where the running sum first exceeds ``allowed``; the last place where it never does.

    Summed block by block, and one by one only where it matters. Weights are counts: their sums are exact in any order.
    """
    ends = np.cumsum(np.add.reduceat(weighed, np.arange(0, len(weighed), _BLOCK)))
    block = min(int(np.searchsorted(ends, allowed, side="right")), len(ends) - 1)
    within = weighed[block * _BLOCK : (block + 1) * _BLOCK]
    reached = np.cumsum(within) + (ends[block - 1] if block else 0)
    return block * _BLOCK + min(int(np.searchsorted(reached, allowed, side="right")), len(within) - 1)


_BLOCK = 256
