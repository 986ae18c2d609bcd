"""The figures of pairs, of one network or of one network against another, with their intervals; ready for JSON."""

from dataclasses import asdict

import numpy as np
from jaxtyping import Float, Int

from ...data.pairs import Pairs
from ..intervals.bootstrap import bootstrap, interval
from ..settings import Figures, Settings
from .exact import exact_ten_fold
from .fold_tar import fold_tar_at_far
from .likeness import likeness
from .roc import tar_at_far
from .scores import AbstractScores, score_all, score_all_between, score_listed
from .statistics import accuracy_statistic, tar_statistic
from .ten_fold import ten_fold

FOLD_FAR = 1e-3
"""Of the reference's TAR; its folds of some 300 impostor pairs support no lower one."""


def accuracy_figures(
    query: Float[np.ndarray, "N D"],
    gallery: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    pairs: Pairs,
    settings: Settings,
) -> Figures:
    """Ten-fold accuracy over listed pairs, from L2-normalised embeddings, and TAR at FAR over the same pairs."""
    alike = likeness(query, gallery, pairs)
    scores = score_listed(alike.cosines, labels, pairs)
    statistic = accuracy_statistic(alike.distances, labels, pairs)
    replicates = bootstrap(statistic, scores.identities, replicates=settings.replicates, seed=settings.seed)
    return {
        **fold_figures(alike.distances, pairs),
        "accuracy_interval": _pair(*interval(replicates), 0),
        "listed_pairs": _counts(scores),
        "listed_tar_at_far": tar_figures(scores, settings),
    }


def fold_figures(distances: Float[np.ndarray, " P"], pairs: Pairs) -> Figures:
    """What folds say, without intervals: accuracy as published, at the true optimum, and TAR at an interpolated FAR."""
    grid = ten_fold(distances, pairs.same, pairs.folds)
    exact = exact_ten_fold(distances, pairs.same, pairs.folds)
    interpolated = fold_tar_at_far(distances, pairs.same, FOLD_FAR, pairs.folds)
    return {
        "accuracy": grid.accuracy,
        "accuracy_std": grid.std(),
        "accuracy_std_ddof1": grid.std(ddof=1),
        "folds": grid.accuracies.tolist(),
        "fold_thresholds": grid.thresholds.tolist(),
        "accuracy_exact": exact.accuracy,
        "folds_exact": exact.accuracies.tolist(),
        "fold_thresholds_exact": exact.thresholds.tolist(),
        "fold_tar_at_far": {f"{FOLD_FAR:g}": interpolated.summary},
    }


def all_pairs_figures(
    query: Float[np.ndarray, "N D"],
    gallery: Float[np.ndarray, "N D"] | None,
    labels: Int[np.ndarray, " N"],
    settings: Settings,
) -> Figures:
    """TAR at FAR over all pairs of images, from L2-normalised embeddings: within ``query``, or against ``gallery``."""
    keep = settings.kept_impostors
    scores = score_all(query, labels, keep) if gallery is None else score_all_between(query, gallery, labels, keep)
    return {"all_pairs": _counts(scores), "tar_at_far": tar_figures(scores, settings)}


def tar_figures(scores: AbstractScores, settings: Settings) -> Figures:
    """TAR at every FAR, with its interval and the counts behind it, by FAR as text."""
    points = tar_at_far(scores, settings.fars)
    replicates = bootstrap(
        tar_statistic(scores, settings.fars), scores.identities, replicates=settings.replicates, seed=settings.seed
    )
    low, high = interval(replicates)
    return {
        f"{point.far_asked:g}": {**asdict(point), "tar_interval": _pair(low, high, number)}
        for number, point in enumerate(points)
    }


def _counts(scores: AbstractScores) -> Figures:
    identities = scores.identities if len(scores.impostor_identities) == 2 else None
    return {"genuine": len(scores.genuine), "impostor": scores.impostor_pairs, "identities": identities}


def _pair(low: Float[np.ndarray, " M"], high: Float[np.ndarray, " M"], number: int) -> list[float]:
    return [float(low[number]), float(high[number])]
