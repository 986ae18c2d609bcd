"""How firmly models keep their places: their ranks in every replicate of the bootstrap over identities and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from .bootstrap import ENDS_PERCENT, Replicates, drawn_mean


@dataclass(frozen=True)
class Standing:
    """Of one group of models, for each of M figures."""

    first: Float[np.ndarray, " M"]
    """Share of the replicates in which no other group was above it."""
    best: Int[np.ndarray, " M"]
    worst: Int[np.ndarray, " M"]
    """The ranks between which 95 % of the replicates lie, from 1; NaN replicates of a figure say nothing."""


def standings(groups: Sequence[Sequence[Replicates]], *, seed: int = 0) -> list[Standing]:
    """Each group's places among all; a group is models that differ in their training seed only.

    A replicate draws identities once for all groups, and seeds within each on its own, as ``difference`` does.
    """
    drawn_RGM = _means(groups, np.random.default_rng([seed, 2]))
    ranks_RGM = 1 + (drawn_RGM[:, :, None] < drawn_RGM[:, None]).sum(axis=2)
    sure_RM = ~np.isnan(drawn_RGM).any(axis=1)
    return [_standing(ranks_RGM[:, group], sure_RM) for group in range(len(groups))]


def _means(groups: Sequence[Sequence[Replicates]], generator: np.random.Generator) -> Float[np.ndarray, "R G M"]:
    return np.array(
        [[drawn_mean(models, number, generator) for models in groups] for number in range(len(groups[0][0].drawn))]
    )


def _standing(ranks: Int[np.ndarray, "R M"], sure: Bool[np.ndarray, "R M"]) -> Standing:
    low, high = ENDS_PERCENT
    first, best, worst = [], [], []
    for seen in (ranks[sure[:, figure], figure] for figure in range(ranks.shape[1])):
        first.append(float(np.mean(seen == 1)) if len(seen) else float("nan"))
        # Whole ranks, outwards: the interval is never narrower than asked for.
        best.append(int(np.percentile(seen, low, method="lower")) if len(seen) else 1)
        worst.append(int(np.percentile(seen, high, method="higher")) if len(seen) else int(ranks.max()))
    return Standing(np.array(first), np.array(best), np.array(worst))
