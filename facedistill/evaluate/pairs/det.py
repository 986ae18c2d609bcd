"""DET with intervals: FNMR over FMR, and how sure every point of the curve is.

FNMR(x) = 1 - TAR at FAR x        both errors logarithmic; its 95 % interval is that of TAR at FAR, upside down
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ...types import UNLABELLED
from ..intervals.bootstrap import bootstrap, interval
from ..settings import Settings, kept_share
from .roc import SUPPORTING_ERRORS
from .scores import score_all
from .statistics import tar_statistic

POINTS = 24
"""Of the band, evenly spaced in the logarithm: its ends move slowly."""
REPLICATES = 200
"""Of the band, which a picture shows and no table states."""

_PAIRS = 500_000
"""Impostors at the right end of the band at most: a replicate sorts through them all."""


@dataclass(frozen=True)
class Band:
    """Where the curve lies in 95 of 100 draws of people; shares."""

    fmr: Float[np.ndarray, " P"]
    low: Float[np.ndarray, " P"]
    high: Float[np.ndarray, " P"]


def det_band(unit: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], settings: Settings) -> Band | None:
    """Over all pairs of labelled images, from L2-normalised embeddings; None where no FMR is supported by them."""
    pairs = impostor_pairs(labels)
    lowest, highest = SUPPORTING_ERRORS / max(1, pairs), min(0.5, _PAIRS / max(1, pairs))
    if lowest >= highest:
        return None
    fmr = np.geomspace(lowest, highest, POINTS)
    scores = score_all(unit, labels, kept_share(highest))
    statistic = tar_statistic(scores, fmr.tolist())
    replicates = min(REPLICATES, settings.replicates)
    low, high = interval(bootstrap(statistic, scores.identities, replicates=replicates, seed=settings.seed))
    return Band(fmr, 1 - high, 1 - low)


def impostor_pairs(labels: Int[np.ndarray, " N"]) -> int:
    """How many pairs of two people the labelled images make."""
    images = np.bincount(labels[labels != UNLABELLED])
    return int(images.sum() ** 2 - np.square(images).sum()) // 2
