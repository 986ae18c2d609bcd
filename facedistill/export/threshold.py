"""A threshold that means something: the similarity that strangers reach as rarely as was asked for.

    FMR(t) = share of impostor pairs whose cosine is above t,   t = the lowest with FMR(t) <= the one asked for

Its 95 % interval is that of the bootstrap over identities (``evaluate/intervals``): other strangers would have put the
threshold somewhere within it, and so a similarity within it is neither a match nor none.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..data.contract import AbstractFaces
from ..data.resized import Resized
from ..errors import UserError
from ..evaluate.embeddings.unit import unit_rows
from ..evaluate.intervals.bootstrap import bootstrap, interval
from ..evaluate.pairs.roc import SUPPORTING_ERRORS, tar_at_far, weighted_thresholds
from ..evaluate.pairs.scores import score_all
from ..evaluate.settings import Settings
from ..types import UNLABELLED
from .contract import Runner
from .histogram import Histogram, histogram
from .parity import read_crops


@dataclass(frozen=True)
class Threshold:
    """Where strangers end, and how surely."""

    fmr: float
    """Asked for."""
    threshold: float
    """Cosine; a match lies above."""
    low: float
    high: float
    """Ends of its 95 % interval."""
    fmr_reached: float
    """At the threshold, on these faces: at most the one asked for."""
    tar: float
    """Share of genuine pairs above."""
    identities: int
    crops: int
    impostor_pairs: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def judge(self, cosine: float) -> str:
        """``match``, ``no match``, or ``not sure`` within the interval."""
        return "match" if cosine > self.high else "no match" if cosine < self.low else "not sure"


@dataclass(frozen=True)
class Calibration:
    """What a file says of known people."""

    threshold: Threshold
    histogram: Histogram


def calibrate(
    embed: Runner, faces: AbstractFaces, size_px: int, fmr: float, *, replicates: int = 1000, seed: int = 0
) -> Calibration:
    """The threshold of a file for a false-match rate, from crops of people that the student was not trained on.

    Raises:
        UserError: a rate that is none, or that so few pairs do not support; people without names.
    """
    settings = Settings(fars=(fmr,), replicates=replicates, seed=seed)
    if (faces.labels == UNLABELLED).any():
        raise UserError("A threshold needs to know who is who; give a folder with one folder per person.")
    rows = unit_rows(embed(read_crops(Resized(faces, size_px), np.arange(len(faces)))).astype(np.float64))
    scores = score_all(rows, faces.labels, keep=settings.kept_impostors)
    point = tar_at_far(scores, [fmr])[0]
    if not point.supported:
        raise UserError(
            f"{scores.impostor_pairs:,} pairs of strangers support no false-match rate below "
            f"{SUPPORTING_ERRORS / scores.impostor_pairs:.1g}; give more faces than {len(faces):,}, or a higher --fmr."
        )
    drawn = bootstrap(
        lambda weights: weighted_thresholds(scores, [fmr], weights), scores.identities, replicates=replicates, seed=seed
    )
    low, high = (float(end[0]) for end in interval(drawn))
    pairs = scores.impostor_pairs
    found = Threshold(fmr, point.threshold, low, high, point.far, point.tar, scores.identities, len(faces), pairs)
    return Calibration(found, histogram(rows, faces.labels))
