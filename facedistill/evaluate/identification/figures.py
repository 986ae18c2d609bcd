"""Identification: how often a gallery names the right person, and how often it names somebody for a stranger.

Rank k asks whether fewer than k entries of others are at least as similar as the most similar own entry, over all
probes. TPIR at FPIR x, of each gallery on its own as insightface's ``evaluation_1N`` has it: the threshold is the
max(int(n x) - 1, 0)-th of the n non-mated probes' highest similarities in descending order, from 0; a mated probe
counts iff it is a hit at rank 1 and its similarity lies above. Several galleries: hits at rank k are added, TPIR is
their mean. Galleries that share one threshold over all negatives give higher figures than an operator would see.

Intervals resample the people of the probes; the galleries stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..intervals.bootstrap import bootstrap, interval
from ..pairs.roc import supported
from ..settings import Figures, Settings
from .search import Found

FPIRS = (0.01, 0.1)


@dataclass(frozen=True)
class Identification:
    """All galleries' answers to the same P probes, and the figures to be made of them."""

    found: Sequence[Found]
    """One for each gallery."""
    person: Int[np.ndarray, " P"]
    """Of every probe, 0 to ``people`` - 1."""
    people: int
    ranks: tuple[int, ...]
    fpirs: tuple[float, ...] = FPIRS

    @property
    def open_set(self) -> bool:
        """Whether every gallery meets strangers."""
        return all((~found.mated).any() for found in self.found)

    def statistic(self, weights: Float[np.ndarray, " K"]) -> Float[np.ndarray, " M"]:
        """Every rank, then every TPIR where there are strangers; NaN where nothing is left to judge."""
        of_probe = weights[self.person]
        shares = [_rank(self.found, of_probe, rank) for rank in self.ranks]
        fpirs = self.fpirs if self.open_set else ()
        tpirs = [np.mean([_tpir(found, of_probe, fpir) for found in self.found]) for fpir in fpirs]
        return np.array([*shares, *tpirs])


def identification_figures(asked: Identification, settings: Settings) -> Figures:
    """Rank-k shares and TPIR at FPIR with 95 % intervals, ready for JSON."""
    values = asked.statistic(np.ones(asked.people))
    replicates = bootstrap(asked.statistic, asked.people, replicates=settings.replicates, seed=settings.seed)
    low, high = interval(replicates)
    shares = [
        {"share": float(value), "interval": [float(a), float(b)]} for value, a, b in zip(values, low, high, strict=True)
    ]
    ranks, tpirs = shares[: len(asked.ranks)], shares[len(asked.ranks) :]
    return {
        "probes": len(asked.person),
        "people": asked.people,
        "galleries": [_counts(found) for found in asked.found],
        "rank": {str(rank): share for rank, share in zip(asked.ranks, ranks, strict=True)},
        "tpir_at_fpir": {
            f"{fpir:g}": {**share, **_point(asked.found, fpir)} for fpir, share in zip(asked.fpirs, tpirs, strict=False)
        },
    }


def threshold_at(found: Found, fpir: float, weights: Float[np.ndarray, " P"] | None = None) -> float:
    """The similarity that strangers exceed at most a share ``fpir`` of the time; NaN without strangers."""
    strangers = ~found.mated
    order = np.argsort(-found.other[strangers], kind="stable")
    highest = found.other[strangers][order]
    counted = np.ones(len(highest)) if weights is None else weights[strangers][order]
    reached = np.cumsum(counted)
    if not len(reached) or reached[-1] == 0:
        return float("nan")
    return float(highest[np.searchsorted(reached, max(int(reached[-1] * fpir), 1))])


def _rank(galleries: Sequence[Found], weights: Float[np.ndarray, " P"], rank: int) -> float:
    """Hits of all galleries over all probes; a probe that every gallery misses for want of its person counts too."""
    hits = sum(float(weights[found.ahead < rank].sum()) for found in galleries)
    return hits / total if (total := float(weights.sum())) > 0 else float("nan")


def _tpir(found: Found, weights: Float[np.ndarray, " P"], fpir: float) -> float:
    threshold = threshold_at(found, fpir, weights)
    mates = float(weights[found.mated].sum())
    if mates == 0 or np.isnan(threshold):
        return float("nan")
    return float(weights[(found.own > found.other) & (found.own > threshold)].sum()) / mates


def _point(galleries: Sequence[Found], fpir: float) -> Figures:
    strangers = [int((~found.mated).sum()) for found in galleries]
    return {
        "thresholds": [threshold_at(found, fpir) for found in galleries],
        "supported": supported(fpir, min(strangers)),
    }


def _counts(found: Found) -> Figures:
    return {"mated": int(found.mated.sum()), "non_mated": int((~found.mated).sum())}
