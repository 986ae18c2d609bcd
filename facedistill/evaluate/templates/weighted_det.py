"""Strict TAR at many FARs for many weighings of people at once: the bootstrap of a list of millions of pairs.

A thousand replicates over sixteen million impostor pairs would be 1.6e10 products of two weights. They are not needed:

* Thresholds. Up to rank 500 every impostor score is one; below, each 0.2 % further down the ranks. So a replicate may
  stop up to 0.2 % of a FAR short of it, on the careful side.
* The highest 250,000 impostor pairs (``EXACT_PAIRS``) weigh w_a w_b, exactly.
* Each lower pair weighs w_a + w_b - 1. With w = 1 + d the product is 1 + d_a + d_b + d_a d_b; the last term has mean
  zero and, of n pairs, a standard deviation near sqrt(n), while the linear ones, which pairs of a person share, grow
  with n. Sums of the linear form need how often each person occurs between two thresholds, and no pair.

A set of at most ``EXACT_PAIRS`` impostor pairs and one of fewer than ``FEW_PEOPLE`` people is computed exactly up to
the thresholds, and exactly altogether up to rank 500.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

EXACT_PAIRS = 250_000
FEW_PEOPLE = 100
"""Below this many people the products that the linear form leaves out would matter."""
EVERY_RANK = 500
STEP = 1.002
"""Ratio of the ranks of two thresholds further down."""

_SPARE = 2
"""Impostors are sorted for this many times the highest FAR, since replicates weigh them unevenly."""
_TOGETHER = 128
"""Pairs whose weights are multiplied at once; they fit into the caches."""


@dataclass(frozen=True)
class ListedPairs:
    """Scores of listed pairs in any order, and the people they belong to."""

    genuine: Float[np.ndarray, " G"]
    genuine_person: Int[np.ndarray, " G"]
    impostor: Float[np.ndarray, " I"]
    impostor_first: Int[np.ndarray, " I"]
    impostor_second: Int[np.ndarray, " I"]
    people: int


class WeightedDet:
    """A list of pairs, sorted once, whose people can then be weighed.

    A genuine pair weighs as its person does, an impostor pair the product of its two people, as in ``AbstractScores``.
    """

    def __init__(self, pairs: ListedPairs, highest_far: float) -> None:
        self._pairs = pairs
        few = pairs.people < FEW_PEOPLE
        highest = _highest(pairs.impostor, 1.0 if few else highest_far)
        self._first, self._second = pairs.impostor_first[highest], pairs.impostor_second[highest]
        scores = pairs.impostor[highest]
        self._edges = _edges(scores)
        self._thresholds = scores[np.minimum(self._edges, len(scores) - 1)]
        limit = len(pairs.impostor) if few else EXACT_PAIRS
        self._exact_bins = int(np.searchsorted(self._edges, limit, side="right")) - 1

    def tar(self, weights: Float[np.ndarray, "R K"], fars: Sequence[float]) -> Float[np.ndarray, "R fars"]:
        """The strict TAR of every weighing at every FAR; NaN where no genuine or no impostor pair weighs anything."""
        by_person = np.ascontiguousarray(weights.T, dtype=np.float32)
        bins = np.concatenate([self._exact(by_person), self._linear(by_person)])
        reached = np.ascontiguousarray(np.cumsum(bins, axis=0, dtype=np.float64).T)
        total = reached[:, -1]
        found = _last_within(reached, total[:, None] * np.asarray(fars))
        return self._accepted(weights, self._thresholds[np.minimum(found, len(self._thresholds) - 1)], total)

    def _exact(self, weights: Float[np.ndarray, "K R"]) -> Float[np.ndarray, "bins R"]:
        """Weight of the impostors between two neighbouring thresholds, pair by pair."""
        sums = np.zeros((self._exact_bins, weights.shape[1]), dtype=np.float32)
        for number, (begin, end) in enumerate(zip(self._edges, self._edges[1 : self._exact_bins + 1], strict=False)):
            for start in range(begin, end, _TOGETHER):
                some = slice(start, min(start + _TOGETHER, end))
                product = weights[self._first[some]]
                product *= weights[self._second[some]]
                sums[number] += product.sum(axis=0)
        return sums

    def _linear(self, weights: Float[np.ndarray, "K R"]) -> Float[np.ndarray, "bins R"]:
        """The same for the pairs below, from how often each person occurs; all that were not sorted come last."""
        occurrences, pairs = self._occurrences
        return np.maximum(occurrences @ weights - pairs[:, None], 0)

    @cached_property
    def _occurrences(self) -> tuple[Float[np.ndarray, "bins K"], Float[np.ndarray, " bins"]]:
        """How often each person occurs between two thresholds below the exact ones, and the number of pairs there."""
        edges = self._edges[self._exact_bins :]
        sizes, people = np.diff(edges), self._pairs.people
        bins = np.repeat(np.arange(len(sizes)) * people, sizes)
        counts = np.zeros((len(sizes) + 1, people))
        everywhere = np.zeros(people)
        for side, whole in (
            (self._first, self._pairs.impostor_first),
            (self._second, self._pairs.impostor_second),
        ):
            counts[:-1] += np.bincount(bins + side[edges[0] :], minlength=len(sizes) * people).reshape(-1, people)
            everywhere += np.bincount(whole, minlength=people)
            everywhere -= np.bincount(side, minlength=people)
        counts[-1] = everywhere
        return counts.astype(np.float32), (counts.sum(axis=1) / 2).astype(np.float32)

    def _accepted(
        self,
        weights: Float[np.ndarray, "R K"],
        thresholds: Float[np.ndarray, "R fars"],
        impostors: Float[np.ndarray, " R"],
    ) -> Float[np.ndarray, "R fars"]:
        """Share of the genuine weight above each threshold."""
        order = np.argsort(-self._pairs.genuine, kind="stable")
        scores, person = self._pairs.genuine[order], self._pairs.genuine_person[order]
        above = np.searchsorted(-scores, -thresholds, side="left")
        tars = np.full(thresholds.shape, np.nan)
        for number, of_person in enumerate(weights):
            reached = np.concatenate([[0.0], np.cumsum(of_person[person])])
            if reached[-1] > 0 and impostors[number] > 0:
                tars[number] = reached[above[number]] / reached[-1]
        return tars


def _highest(impostor: Float[np.ndarray, " I"], highest_far: float) -> Int[np.ndarray, " H"]:
    """Numbers of the highest impostors in descending order, as many as the FARs need."""
    count = len(impostor)
    kept = max(min(count, EXACT_PAIRS), min(count, int(_SPARE * highest_far * count)))
    if kept == count:
        return np.argsort(-impostor)
    floor = np.partition(impostor, count - kept)[count - kept]
    candidates = np.flatnonzero(impostor >= floor).astype(np.int32)
    return candidates[np.argsort(-impostor[candidates])]


def _edges(scores: Float[np.ndarray, " H"]) -> Int[np.ndarray, " E"]:
    """How many of the sorted impostors lie above each threshold, ascending, and at last all of them.

    Tied impostors come in together: an edge is where its score begins.
    """
    further = EVERY_RANK * STEP ** np.arange(1 + max(0.0, np.log(len(scores) / EVERY_RANK) / np.log(STEP)))
    ranks = np.concatenate([np.arange(EVERY_RANK), np.floor(further).astype(np.int64)])
    inner = np.unique(ranks[ranks < len(scores)])
    return np.append(np.unique(np.searchsorted(-scores, -scores[inner], side="left")), len(scores))


def _last_within(
    reached: Float[np.ndarray, "R bins"], allowed: Float[np.ndarray, "R fars"]
) -> Int[np.ndarray, "R fars"]:
    """The lowest threshold above which no more than the allowed weight lies, by number."""
    # The tiny factor keeps 0.29 * 100 from losing its 29th impostor to rounding.
    limits = allowed * (1 + 1e-12)
    rows = zip(reached, limits, strict=True)
    return np.stack([np.searchsorted(row, limit, side="right") for row, limit in rows])
