"""Ten-fold verification, the protocol of LFW, CFP-FP, AgeDB-30, CALFW and CPLFW.

Huang et al., "Labeled Faces in the Wild", 2007, View 2; thresholds and ties as insightface's published evaluation:

    d = sum (a - b)^2 over L2-normalised embeddings, in [0, 4]; "same" iff d < t, t in 0.00, 0.01 ... 3.99

On nine folds the first threshold of highest accuracy is taken and applied to the tenth. Reported are the mean of the
ten accuracies and their standard deviation (ddof 0).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ...data.pairs import FOLDS

THRESHOLDS = np.arange(0, 4, 0.01)
"""Of the squared distance; 400 values."""


@dataclass(frozen=True)
class TenFold:
    """Accuracy and threshold of every fold; both are NaN for a fold whose pairs all weigh nothing."""

    accuracies: Float[np.ndarray, " folds"]
    thresholds: Float[np.ndarray, " folds"]

    @property
    def accuracy(self) -> float:
        """Mean of the folds; NaN where every fold is."""
        return float(self._judged.mean()) if len(self._judged) else float("nan")

    def std(self, ddof: int = 0) -> float:
        """Spread of the folds; insightface prints ddof 0, FaceX-Zoo ddof 1 over the root of ten."""
        return float(self._judged.std(ddof=ddof)) if len(self._judged) > ddof else float("nan")

    @property
    def _judged(self) -> Float[np.ndarray, " judged"]:
        return self.accuracies[~np.isnan(self.accuracies)]


def fold_of(pairs: int, folds: int = FOLDS) -> Int[np.ndarray, " P"]:
    """The fold of every pair: contiguous, and the first ``pairs mod folds`` folds have one more."""
    sizes = [len(part) for part in np.array_split(np.arange(pairs), folds)]
    return np.repeat(np.arange(folds), sizes)


def ten_fold(
    distances: Float[np.ndarray, " P"],
    same: Bool[np.ndarray, " P"],
    folds: int = FOLDS,
    weights: Float[np.ndarray, " P"] | None = None,
) -> TenFold:
    """Accuracy of every fold at the best threshold of the others; weights count a pair several times or never."""
    return Folded(distances, same, folds).judge(np.ones(len(same)) if weights is None else weights)


class Folded:
    """Pairs sorted into folds and thresholds once, to be judged under many weights.

    A pair is first accepted at the first threshold above its distance: from there on a genuine pair is right and an
    impostor pair wrong.
    """

    def __init__(self, distances: Float[np.ndarray, " P"], same: Bool[np.ndarray, " P"], folds: int = FOLDS) -> None:
        self._folds, self._cells = folds, len(THRESHOLDS) + 1
        fold = fold_of(len(same), folds)
        accepted_at = np.searchsorted(THRESHOLDS, distances, side="right")
        # Genuine pairs in the first half of the table, impostors in the second: one count serves both.
        self._cell = (np.where(same, 0, folds) + fold) * self._cells + accepted_at

    def judge(self, weights: Float[np.ndarray, " P"]) -> TenFold:
        """Accuracy of every fold at the best threshold of the others."""
        correct, total = self._correct(weights)
        best = (correct.sum(axis=0) - correct).argmax(axis=1)
        scored = np.where(total > 0, total, np.nan)
        accuracies = correct[np.arange(self._folds), best] / scored
        return TenFold(accuracies, np.where(total > 0, THRESHOLDS[best], np.nan))

    def _correct(
        self, weights: Float[np.ndarray, " P"]
    ) -> tuple[Float[np.ndarray, "folds thresholds"], Float[np.ndarray, " folds"]]:
        """Weight of the pairs judged rightly, by fold and threshold, and of all pairs by fold."""
        counts = np.bincount(self._cell, weights, minlength=2 * self._folds * self._cells)
        genuine, impostor = counts.reshape(2, self._folds, self._cells)
        impostors = impostor.sum(axis=1)
        gained = (genuine - impostor).cumsum(axis=1)[:, :-1]
        return impostors[:, None] + gained, genuine.sum(axis=1) + impostors
