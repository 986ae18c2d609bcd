"""The figures of one network, or of one network against another, with their intervals; ready for JSON."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .bootstrap import REPLICATES, bootstrap, interval
from .pairs import Pairs
from .roc import tar_at_far
from .scores import AbstractScores, score_all, score_all_between, score_listed
from .statistics import accuracy_statistic, tar_statistic
from .verification import squared_distances, ten_fold

Figures = dict[str, Any]

_SPARE = 4
"""Impostors are kept for this many times the highest FAR, since replicates weigh them unevenly."""


@dataclass(frozen=True)
class Settings:
    """What is computed, and how surely."""

    flip: bool = True
    """Whether the mirror image's embedding is added."""
    fars: tuple[float, ...] = (1e-3, 1e-4)
    replicates: int = REPLICATES
    seed: int = 0
    """Of the bootstrap."""

    @property
    def kept_impostors(self) -> float:
        """Share of all impostor pairs that the figures need: the highest."""
        return min(1.0, _SPARE * max(self.fars))


def accuracy_figures(
    query: Float[np.ndarray, "N D"],
    gallery: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    pairs: Pairs,
    settings: Settings,
) -> Figures:
    """Ten-fold accuracy over listed pairs, from L2-normalised embeddings, and TAR at FAR over the same pairs."""
    result = ten_fold(squared_distances(query[pairs.first], gallery[pairs.second]), pairs.same, pairs.folds)
    scores = score_listed(query, gallery, labels, pairs)
    statistic = accuracy_statistic(query, gallery, labels, pairs)
    replicates = bootstrap(statistic, scores.identities, replicates=settings.replicates, seed=settings.seed)
    return {
        "accuracy": result.accuracy,
        "accuracy_interval": _pair(*interval(replicates), 0),
        "accuracy_std": result.std(),
        "accuracy_std_ddof1": result.std(ddof=1),
        "folds": result.accuracies.tolist(),
        "fold_thresholds": result.thresholds.tolist(),
        "listed_pairs": _counts(scores),
        "listed_tar_at_far": tar_figures(scores, settings),
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
