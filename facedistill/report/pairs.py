"""Pairs worth a look: the hardest of all, and a sample to compare two networks by."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

_ROWS = 512
"""Embeddings that are compared with all others at once."""
SAMPLED = 2000
"""Pairs of each kind in a sample: a picture shows no more."""


@dataclass(frozen=True)
class Sample:
    """Pairs drawn at random, as many of one person as of two."""

    first: Int[np.ndarray, " P"]
    second: Int[np.ndarray, " P"]
    same: Bool[np.ndarray, " P"]


def sample_pairs(labels: Int[np.ndarray, " N"], count: int = SAMPLED, seed: int = 0) -> Sample:
    """``count`` pairs of each kind, drawn with replacement; every image is drawn alike where it has a partner."""
    chance = np.random.default_rng(seed)
    first = chance.integers(0, len(labels), (2, 8 * count))
    by_person = np.argsort(labels, kind="stable")
    start, size = _groups(labels[by_person])
    place = np.empty(len(labels), np.int64)
    place[by_person] = np.arange(len(labels))
    genuine = first[0][size[place[first[0]]] > 1][:count]
    at = place[genuine]
    step = chance.integers(1, size[at])
    partner = by_person[start[at] + (at - start[at] + step) % size[at]]
    strangers = first[:, labels[first[0]] != labels[first[1]]][:, :count]
    same = np.repeat([True, False], [len(genuine), strangers.shape[1]])
    return Sample(np.concatenate([genuine, strangers[0]]), np.concatenate([partner, strangers[1]]), same)


def _groups(ordered: Int[np.ndarray, " N"]) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """Where the run of equal labels begins that each place lies in, and how long it is."""
    _, start, inverse, size = np.unique(ordered, return_index=True, return_inverse=True, return_counts=True)
    return start[inverse], size[inverse]


def cosines(unit: Float[np.ndarray, "N D"], pairs: Sample) -> Float[np.ndarray, " P"]:
    """Of L2-normalised embeddings."""
    found: np.ndarray = np.einsum("pd,pd->p", unit[pairs.first], unit[pairs.second])
    return found


@dataclass(frozen=True)
class Pair:
    """Two images, and how alike a network finds them."""

    first: int
    second: int
    cosine: float


def hardest_genuine(unit: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], count: int) -> list[Pair]:
    """The least alike pairs of one person, one a person."""
    return _once(_extremes(-unit, unit, labels, same=True), labels, count, sign=-1.0)


def hardest_impostors(unit: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], count: int) -> list[Pair]:
    """The most alike pairs of two people, no person twice."""
    return _once(_extremes(unit, unit, labels, same=False), labels, count, sign=1.0)


def _extremes(
    query: Float[np.ndarray, "N D"], unit: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], *, same: bool
) -> Iterator[tuple[float, int, int]]:
    """For every image its most similar partner of the wanted kind."""
    for start in range(0, len(unit), _ROWS):
        block = query[start : start + _ROWS] @ unit.T
        rows = np.arange(len(block))
        wanted = (labels[start : start + _ROWS, None] == labels[None]) == same
        wanted[rows, start + rows] = False
        block[~wanted] = -np.inf
        best = block.argmax(axis=1)
        yield from zip(block[rows, best].tolist(), (start + rows).tolist(), best.tolist(), strict=True)


def _once(
    found: Iterator[tuple[float, int, int]], labels: Int[np.ndarray, " N"], count: int, *, sign: float
) -> list[Pair]:
    """From the most extreme down, without those of people who are there already."""
    taken: set[int] = set()
    chosen: list[Pair] = []
    for score, first, second in sorted(found, reverse=True):
        people = {int(labels[first]), int(labels[second])}
        if len(chosen) == count or score == -np.inf:
            break
        if not people & taken:
            taken |= people
            chosen.append(Pair(min(first, second), max(first, second), sign * score))
    return chosen
