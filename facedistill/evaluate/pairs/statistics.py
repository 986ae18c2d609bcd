"""Figures of pairs as functions of how often each identity counts, the form that the bootstrap takes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from ...data.pairs import Pairs
from ...types import UNLABELLED
from ..intervals.bootstrap import Statistic
from ..intervals.measure import Measure
from .roc import weighted_tar
from .scores import AbstractScores, people_of
from .ten_fold import Folded


def tar_measure(scores: AbstractScores, fars: Sequence[float]) -> Measure:
    """TAR at every FAR, as a paired bootstrap takes it."""
    return Measure(tuple(f"TAR at FAR {far:g}" for far in fars), tar_statistic(scores, fars), scores.identities)


def accuracy_measure(distances: Float[np.ndarray, " P"], labels: Int[np.ndarray, " N"], pairs: Pairs) -> Measure:
    """Ten-fold accuracy; all identities of the set are drawn, in pairs or not, so that it can stand beside others."""
    statistic = accuracy_statistic(distances, labels, pairs)
    people = np.unique(labels[labels != UNLABELLED])
    if not len(people):
        return Measure(("accuracy",), statistic, len(pairs))
    listed = np.searchsorted(people, np.unique(labels[np.stack([pairs.first, pairs.second])]))
    return Measure(("accuracy",), lambda weights: statistic(weights[listed]), len(people))


def tar_statistic(scores: AbstractScores, fars: Sequence[float]) -> Statistic:
    """TAR at every FAR, over ``scores.identities`` identities."""
    return lambda weights: weighted_tar(scores, fars, weights)


def accuracy_statistic(distances: Float[np.ndarray, " P"], labels: Int[np.ndarray, " N"], pairs: Pairs) -> Statistic:
    """Ten-fold accuracy, with thresholds chosen again for every weighing; over the identities that occur in pairs.

    A pair weighs as pairs of ``AbstractScores`` do.
    """
    folded = Folded(distances, pairs.same, pairs.folds)
    people = people_of(pairs, labels)
    # "Nobody" weighs 1: a genuine pair weighs as its one person does, and so does a pair of unknown people.
    nobody = people.max() + 1
    first, second = people[0], np.where(pairs.same | (len(people) == 1), nobody, people[-1])

    def accuracy(weights: Float[np.ndarray, " K"]) -> Float[np.ndarray, " 1"]:
        of_pairs = weights[first] * np.append(weights, 1.0)[second]
        return np.array([folded.judge(of_pairs).accuracy])

    return accuracy
