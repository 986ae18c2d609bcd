"""TAR at FAR as public IJB evaluations print it: at the point of the ROC curve whose FAR is nearest to the one asked.

The curve is scikit-learn's ``roc_curve`` in its default form: one point per distinct score, from the highest down,
without the points inside straight runs of the two counts, and (0, 0) before all. The point is taken without
interpolation, so the FAR reached may exceed the one asked for; ``strict`` figures beside it never do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..pairs.roc import supported


@dataclass(frozen=True)
class Curve:
    """Points in descending order of their thresholds; accepted is a score that reaches the threshold."""

    far: Float[np.ndarray, " S"]
    tar: Float[np.ndarray, " S"]
    thresholds: Float[np.ndarray, " S"]


@dataclass(frozen=True)
class NearestPoint:
    """One FAR by both rules, with the counts behind it."""

    far_asked: float
    tar: float
    """At the point of the curve whose FAR is nearest."""
    far: float
    """Reached there; it may exceed the one asked for."""
    threshold: float
    """Accepted is what reaches it."""
    strict_tar: float
    """Best TAR with FAR at most the one asked for."""
    strict_far: float
    strict_threshold: float
    """Accepted is what lies above."""
    supported: bool
    """Whether the pairs are enough to see ``SUPPORTING_ERRORS`` impostor errors at the FAR asked for."""


def published_curve(genuine: Float[np.ndarray, " G"], impostor: Float[np.ndarray, " I"]) -> Curve:
    """The curve of genuine and impostor scores, each in ascending order."""
    scores = _candidates(genuine, impostor)
    bends = _pace(genuine, impostor, scores) != _pace(genuine, impostor, _lower(genuine, impostor, scores))
    kept = bends.any(axis=0)
    kept[[0, -1]] = True
    thresholds = scores[kept][::-1]
    return Curve(
        np.concatenate([[0.0], _reaching(impostor, thresholds) / len(impostor)]),
        np.concatenate([[0.0], _reaching(genuine, thresholds) / len(genuine)]),
        np.concatenate([[np.inf], thresholds]),
    )


def _candidates(genuine: Float[np.ndarray, " G"], impostor: Float[np.ndarray, " I"]) -> Float[np.ndarray, " S"]:
    """Scores at which the curve may bend, ascending: all but those of a single impostor between two others such.

    These are genuine scores, tied impostor scores, the score above each of both, and the two ends.
    """
    tied = impostor[1:][impostor[1:] == impostor[:-1]]
    special = np.unique(np.concatenate([genuine, tied]))
    ends = [min(genuine[0], impostor[0]), max(genuine[-1], impostor[-1])]
    above = [np.append(side, np.inf)[np.searchsorted(side, special, side="right")] for side in (genuine, impostor)]
    next_higher = np.minimum(*above)
    return np.unique(np.concatenate([special, next_higher[np.isfinite(next_higher)], ends]))


def _lower(
    genuine: Float[np.ndarray, " G"], impostor: Float[np.ndarray, " I"], scores: Float[np.ndarray, " S"]
) -> Float[np.ndarray, " S"]:
    """The highest score of any pair below each of these; minus infinity where there is none."""
    below = [side[np.maximum(np.searchsorted(side, scores) - 1, 0)] for side in (genuine, impostor)]
    return np.maximum(*(np.where(found < scores, found, -np.inf) for found in below))


def _pace(
    genuine: Float[np.ndarray, " G"], impostor: Float[np.ndarray, " I"], scores: Float[np.ndarray, " S"]
) -> Int[np.ndarray, "2 S"]:
    """How many genuine and impostor pairs have exactly each score."""
    return np.stack([_reaching(side, scores) - _above(side, scores) for side in (genuine, impostor)])


def _reaching(side: Float[np.ndarray, " N"], scores: Float[np.ndarray, " S"]) -> Int[np.ndarray, " S"]:
    return len(side) - np.searchsorted(side, scores, side="left")


def _above(side: Float[np.ndarray, " N"], scores: Float[np.ndarray, " S"]) -> Int[np.ndarray, " S"]:
    return len(side) - np.searchsorted(side, scores, side="right")


def nearest(curve: Curve, far: float) -> int:
    """The point whose FAR is nearest, of several the one accepting most."""
    distance = np.abs(curve.far - far)[::-1]
    return len(distance) - 1 - int(distance.argmin())


def nearest_points(
    genuine: Float[np.ndarray, " G"], impostor: Float[np.ndarray, " I"], fars: Sequence[float]
) -> list[NearestPoint]:
    """Both rules at every FAR, from genuine and impostor scores, each in ascending order."""
    curve = published_curve(genuine, impostor)
    return [_point(curve, genuine, impostor, far) for far in fars]


def _point(
    curve: Curve, genuine: Float[np.ndarray, " G"], impostor: Float[np.ndarray, " I"], far: float
) -> NearestPoint:
    at = nearest(curve, far)
    threshold = strict_threshold(impostor, far)
    return NearestPoint(
        far,
        float(curve.tar[at]),
        float(curve.far[at]),
        float(curve.thresholds[at]),
        float(_above(genuine, np.array([threshold]))[0] / len(genuine)),
        float(_above(impostor, np.array([threshold]))[0] / len(impostor)),
        threshold,
        supported(far, len(impostor)),
    )


def strict_threshold(impostor: Float[np.ndarray, " I"], far: float) -> float:
    """The score of the first impostor that would exceed the FAR, from scores in ascending order."""
    # The tiny factor keeps 0.29 * 100 from losing its 29th impostor to rounding.
    allowed = int(far * len(impostor) * (1 + 1e-12))
    return float(impostor[max(0, len(impostor) - 1 - allowed)])
