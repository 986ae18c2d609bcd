"""TAR at FAR fold by fold, by the interpolation of insightface's published verification script.

On nine folds the threshold is read off the straight line between the two of 4,000 thresholds (0.000 to 3.999 on the
squared distance) whose FAR encloses the one asked for; it is 0 where no threshold's FAR is as high. On the tenth, TAR
and the FAR really reached are counted. The script computes both and prints neither.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ...data.pairs import FOLDS
from .ten_fold import fold_of

THRESHOLDS = np.arange(0, 4, 0.001)


@dataclass(frozen=True)
class FoldTar:
    """TAR, FAR reached and threshold of every fold; a rate is NaN for a fold without pairs of its kind."""

    tars: Float[np.ndarray, " folds"]
    fars: Float[np.ndarray, " folds"]
    thresholds: Float[np.ndarray, " folds"]

    @property
    def summary(self) -> dict[str, float | list[float] | None]:
        """Means over the folds and the spread of TAR with ddof 0; None where no fold has such pairs."""
        judged = self.tars[~np.isnan(self.tars)], self.fars[~np.isnan(self.fars)]
        tar, far = (float(rates.mean()) if len(rates) else None for rates in judged)
        spread = float(judged[0].std()) if len(judged[0]) else None
        return {"tar": tar, "tar_std": spread, "far": far, "thresholds": self.thresholds.tolist()}


def fold_tar_at_far(
    distances: Float[np.ndarray, " P"], same: Bool[np.ndarray, " P"], far: float, folds: int = FOLDS
) -> FoldTar:
    """TAR of every fold at the threshold whose FAR over the other folds is ``far``, linearly interpolated."""
    fold = fold_of(len(same), folds)
    thresholds = _thresholds(distances[~same], fold[~same], far, folds)
    accepted = distances < thresholds[fold]
    return FoldTar(_rates(accepted[same], fold[same], folds), _rates(accepted[~same], fold[~same], folds), thresholds)


def _rates(accepted: Bool[np.ndarray, " P"], fold: Int[np.ndarray, " P"], folds: int) -> Float[np.ndarray, " folds"]:
    count = np.bincount(fold, minlength=folds)
    return np.bincount(fold, accepted, minlength=folds) / np.where(count > 0, count, np.nan)


def _thresholds(
    impostors: Float[np.ndarray, " I"], fold: Int[np.ndarray, " I"], far: float, folds: int
) -> Float[np.ndarray, " folds"]:
    cells = len(THRESHOLDS) + 1
    accepted_at = np.searchsorted(THRESHOLDS, impostors, side="right")
    counts = np.bincount(fold * cells + accepted_at, minlength=folds * cells).reshape(folds, cells)
    training = (counts.sum(axis=0) - counts).cumsum(axis=1)[:, :-1]
    rates = training / np.maximum(1, len(impostors) - np.bincount(fold, minlength=folds))[:, None]
    return np.array([_interpolated(row, far) for row in rates])


def _interpolated(rates: Float[np.ndarray, " T"], far: float) -> float:
    """The threshold of ``far`` on the line through the first threshold that reaches it and the one before."""
    upper = int(np.searchsorted(rates, far, side="left"))
    if upper == len(rates):
        return 0.0
    lower = upper - 1  # no distance lies below threshold 0, so its rate is 0 and ``upper`` at least 1
    share = (far - rates[lower]) / (rates[upper] - rates[lower])
    return float(THRESHOLDS[lower] + share * (THRESHOLDS[upper] - THRESHOLDS[lower]))
