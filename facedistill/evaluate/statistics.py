"""Figures as functions of how often each identity counts, the form that the bootstrap takes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from .bootstrap import Statistic
from .pairs import Pairs
from .roc import weighted_tar
from .scores import AbstractScores, people_of
from .verification import squared_distances, ten_fold


def tar_statistic(scores: AbstractScores, fars: Sequence[float]) -> Statistic:
    """TAR at every FAR, over ``scores.identities`` identities."""
    return lambda weights: weighted_tar(scores, fars, weights)


def accuracy_statistic(
    query: Float[np.ndarray, "N D"], gallery: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], pairs: Pairs
) -> Statistic:
    """Ten-fold accuracy, with thresholds chosen again for every weighing; over the identities that occur in pairs.

    A pair weighs as pairs of ``AbstractScores`` do.
    """
    distances = squared_distances(query[pairs.first], gallery[pairs.second])
    first, second = people_of(pairs, labels)

    def accuracy(weights: Float[np.ndarray, " K"]) -> Float[np.ndarray, " 1"]:
        of_pairs = weights[first] * np.where(pairs.same, 1.0, weights[second])
        return np.array([ten_fold(distances, pairs.same, pairs.folds, of_pairs).accuracy])

    return accuracy
