"""The figures of one network, or of one network against another, with their intervals; ready for JSON."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .bootstrap import REPLICATES, bootstrap, interval
from .conventions import DEFAULT, Convention, read_convention
from .exact import exact_ten_fold
from .fold_tar import fold_tar_at_far
from .likeness import likeness
from .pairs import Pairs
from .roc import check_fars, tar_at_far
from .scores import AbstractScores, score_all, score_all_between, score_listed
from .statistics import accuracy_statistic, tar_statistic
from .verification import ten_fold

Figures = dict[str, Any]

FOLD_FAR = 1e-3
"""Of the reference's TAR; its folds of some 300 impostor pairs support no lower one."""

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
    convention: str = DEFAULT
    """How templates are made of images: a codebase's name, switches, or both; see ``evaluate/conventions.py``."""

    def __post_init__(self) -> None:
        check_fars(self.fars)
        read_convention(self.convention)

    @property
    def templates(self) -> Convention:
        """The convention, without the mirror image where none is embedded."""
        convention = read_convention(self.convention)
        return convention if self.flip else convention.without_flip()

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
