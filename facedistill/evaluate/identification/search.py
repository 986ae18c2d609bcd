"""What every probe finds in a gallery, with the matrix of similarities seen block by block and never whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

_BLOCK_SCORES = 4_000_000
"""Similarities in memory at once: 32 MB in float64."""

NEVER = np.iinfo(np.int64).max
"""More entries than any gallery has, so that no rank is a hit."""

Entries = Callable[[slice], Float[np.ndarray, "g D"]]
"""L2-normalised features of some gallery entries, asked for block by block."""


@dataclass(frozen=True)
class Found:
    """The outcome for P probes; an entry is its probe's own where both have the same identity."""

    own: Float[np.ndarray, " P"]
    """Similarity to the most similar own entry; minus infinity without one."""
    other: Float[np.ndarray, " P"]
    """Similarity to the most similar entry of anybody else."""
    ahead: Int[np.ndarray, " P"]
    """Entries of others that are at least as similar as ``own``, 0 for a hit at rank 1; ``NEVER`` without an own."""

    @property
    def mated(self) -> Bool[np.ndarray, " P"]:
        """Whether the gallery holds the probe's identity."""
        return np.isfinite(self.own)


def search(
    probes: Float[np.ndarray, "P D"],
    probe_identity: Int[np.ndarray, " P"],
    entries: Entries,
    gallery_identity: Int[np.ndarray, " G"],
) -> Found:
    """Searches the gallery for every probe, from L2-normalised features.

    A gallery entry with an identity that no probe has, such as a distractor's -1, is everybody's other.
    """
    own = _own(probes, probe_identity, entries, gallery_identity)
    other, ahead = np.full(len(probes), -np.inf), np.zeros(len(probes), dtype=np.int64)
    for part in _parts(len(gallery_identity), len(probes)):
        similarity = probes @ entries(part).T
        similarity[probe_identity[:, None] == gallery_identity[None, part]] = -np.inf
        np.maximum(other, similarity.max(axis=1), out=other)
        ahead += (similarity >= own[:, None]).sum(axis=1)
    return Found(own, other, np.where(np.isfinite(own), ahead, NEVER))


def _own(
    probes: Float[np.ndarray, "P D"],
    probe_identity: Int[np.ndarray, " P"],
    entries: Entries,
    gallery_identity: Int[np.ndarray, " G"],
) -> Float[np.ndarray, " P"]:
    own = np.full(len(probes), -np.inf)
    for part in _parts(len(gallery_identity), len(probes)):
        probe, entry = np.nonzero(probe_identity[:, None] == gallery_identity[None, part])
        if len(probe):
            features = entries(part)[entry]
            np.maximum.at(own, probe, np.einsum("md,md->m", probes[probe], features))
    return own


def _parts(entries: int, probes: int) -> Iterator[slice]:
    height = max(1, _BLOCK_SCORES // max(1, probes))
    return (slice(start, start + height) for start in range(0, entries, height))
