"""Cosine scores of image pairs, with the identities behind them, so that identities can be weighed afterwards.

A figure over all pairs of a folder needs every genuine pair but only the highest impostor scores: at FAR 1e-3 the
threshold lies among the top thousandth. So the matrix of scores is walked through once in blocks, and memory holds
one block and the impostors kept.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ...data.pairs import Pairs
from ...types import UNLABELLED

_BLOCK_SCORES = 1_000_000
"""Scores in memory at once: 8 MB, which the caches like."""


@dataclass(frozen=True)
class AbstractScores(ABC):
    """Scores of genuine and impostor pairs, each in descending order.

    Weights count identities, as a bootstrap draws them. A genuine pair weighs as its identity does: two copies of a
    person are two people and never form a pair. An impostor pair weighs the product of its two identities.
    """

    genuine: Float[np.ndarray, " G"]
    genuine_identity: Int[np.ndarray, " G"]
    impostor: Float[np.ndarray, " I"]
    impostor_identities: Int[np.ndarray, "of I"]
    """Both identities of a pair; one row where identities are unknown and each pair counts as drawn."""
    identities: int
    """What a bootstrap draws: identities, or pairs where identities are unknown."""

    @abstractmethod
    def impostor_total(self, weights: Float[np.ndarray, " K"]) -> float:
        """Weight of all impostor pairs, kept or not."""

    def genuine_weights(self, weights: Float[np.ndarray, " K"]) -> Float[np.ndarray, " G"]:
        return weights[self.genuine_identity]

    def impostor_weights(self, weights: Float[np.ndarray, " K"], highest: int | None = None) -> Float[np.ndarray, " I"]:
        """Of the ``highest`` impostors, or of all that are kept."""
        first, *second = self.impostor_identities[:, :highest]
        product = weights.take(first)
        for others in second:
            product *= weights.take(others)
        return product

    @property
    def impostor_pairs(self) -> int:
        return round(self.impostor_total(np.ones(self.identities)))


class ListedScores(AbstractScores):
    """Of the pairs of a list; every impostor is kept."""

    def impostor_total(self, weights: Float[np.ndarray, " K"]) -> float:
        return float(self.impostor_weights(weights).sum())


@dataclass(frozen=True)
class AllScores(AbstractScores):
    """Of all pairs of a folder's images; of the impostors the highest are kept."""

    images: Int[np.ndarray, " K"]
    """Of every identity."""
    ordered: bool
    """Whether (i, j) and (j, i) are two pairs, as between two networks."""

    def impostor_total(self, weights: Float[np.ndarray, " K"]) -> float:
        """Sum over i < j of (w_i n_i)(w_j n_j), in closed form; twice that where pairs are ordered."""
        mass = weights * self.images
        both_orders = mass.sum() ** 2 - np.square(mass).sum()
        return float(both_orders if self.ordered else both_orders / 2)


def score_listed(cosines: Float[np.ndarray, " P"], labels: Int[np.ndarray, " N"], pairs: Pairs) -> ListedScores:
    """Scores of listed pairs; ``labels`` are the images'."""
    people = people_of(pairs, labels)
    genuine, person = _descending(cosines[pairs.same], people[:, pairs.same])
    impostor, others = _descending(cosines[~pairs.same], people[:, ~pairs.same])
    return ListedScores(genuine, person[0], impostor, others, int(people.max()) + 1)


def people_of(pairs: Pairs, labels: Int[np.ndarray, " N"]) -> Int[np.ndarray, "of P"]:
    """The two identities of every pair, numbered anew so that each number occurs: a bootstrap draws no absent ones.

    Where an image's identity is unknown every pair gets a number of its own, one row in all.
    """
    labels_of = labels[np.stack([pairs.first, pairs.second])]
    if (labels_of == UNLABELLED).any():
        return np.arange(len(pairs))[None]
    _, people = np.unique(labels_of, return_inverse=True)
    return people.reshape(2, len(pairs))


def score_all(
    embeddings: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], keep: float = 1.0, floor: float = -np.inf
) -> AllScores:
    """Scores of all pairs i < j of labelled images, from L2-normalised embeddings.

    ``keep`` is the share of impostor pairs kept, the highest; at least 100,000 are. Of those, only what lies above
    ``floor`` stays.
    """
    return _score_all(embeddings, embeddings, labels, keep, ordered=False, floor=floor)


def score_all_between(
    query: Float[np.ndarray, "N D"], gallery: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], keep: float = 1.0
) -> AllScores:
    """Scores of all ordered pairs i != j of labelled images, i seen by one network and j by another."""
    return _score_all(query, gallery, labels, keep, ordered=True)


_KEEP_AT_LEAST = 100_000
"""Impostors worth keeping of any set: they cost a millisecond a replicate."""


def _score_all(
    query: Float[np.ndarray, "N D"],
    gallery: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    keep: float,
    ordered: bool,
    floor: float = -np.inf,
) -> AllScores:
    known = labels != UNLABELLED
    query, gallery = query[known], gallery[known]
    _, labels = np.unique(labels[known], return_inverse=True)
    images = np.bincount(labels)
    pairs = int(len(labels) ** 2 - np.square(images).sum()) // (1 if ordered else 2)
    kept = max(int(np.ceil(keep * pairs)), _KEEP_AT_LEAST)
    genuine, person = _genuine(query, gallery, labels, ordered)
    impostor, people = _highest_impostors(query, gallery, labels, kept, ordered, floor)
    return AllScores(genuine, person[0], impostor, people, len(images), images, ordered)


def _genuine(
    query: Float[np.ndarray, "N D"], gallery: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], ordered: bool
) -> tuple[Float[np.ndarray, " G"], Int[np.ndarray, "1 G"]]:
    scores, people = [np.empty(0)], [np.empty(0, np.int64)]
    by_person = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[by_person])) + 1
    for members in np.split(by_person, starts):
        chosen = _pairs_within(len(members), ordered)
        scores.append((query[members] @ gallery[members].T)[chosen])
        people.append(np.full(int(chosen.sum()), labels[members[0]]))
    return _descending(np.concatenate(scores), np.concatenate(people)[None])


def _pairs_within(images: int, ordered: bool) -> Bool[np.ndarray, "n n"]:
    return ~np.eye(images, dtype=bool) if ordered else np.triu(np.ones((images, images), dtype=bool), 1)


def _highest_impostors(
    query: Float[np.ndarray, "N D"],
    gallery: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    kept: int,
    ordered: bool,
    floor: float,
) -> tuple[Float[np.ndarray, " I"], Int[np.ndarray, "2 I"]]:
    """The ``kept`` highest impostor scores; a candidate must beat the lowest of those kept so far."""
    scores, people = np.empty(0), np.empty((2, 0), np.int64)
    for start, block, first_column in _blocks(query, gallery, ordered):
        row, column = divmod(np.flatnonzero(block > floor), block.shape[1])
        i, j = row + start, column + first_column
        impostor = (labels[i] != labels[j]) & (ordered | (i < j))
        scores = np.concatenate([scores, block[row, column][impostor]])
        people = np.concatenate([people, labels[[i[impostor], j[impostor]]]], axis=1)
        if len(scores) > kept:
            highest = np.argpartition(scores, -kept)[-kept:]
            scores, people, floor = scores[highest], people[:, highest], scores[highest[0]]
    return _descending(scores, people)


def _blocks(
    query: Float[np.ndarray, "N D"], gallery: Float[np.ndarray, "N D"], ordered: bool
) -> Iterator[tuple[int, Float[np.ndarray, "rows columns"], int]]:
    """First row, scores and first column of every block; without order only the columns that i < j needs."""
    rows = max(1, _BLOCK_SCORES // max(1, len(gallery)))
    for start in range(0, len(query), rows):
        first_column = 0 if ordered else start
        yield start, query[start : start + rows] @ gallery[first_column:].T, first_column


def _descending(
    scores: Float[np.ndarray, " S"], people: Int[np.ndarray, "of S"]
) -> tuple[Float[np.ndarray, " S"], Int[np.ndarray, "of S"]]:
    order = np.argsort(-scores, kind="stable")
    return scores[order], np.ascontiguousarray(people[:, order])
