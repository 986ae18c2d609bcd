"""How sure a figure is: 95 % intervals by bootstrap over identities, and over training seeds.

Pairs share people, so pairs are not independent and must not be resampled; people are. A replicate draws as many
identities as there are, with replacement, and computes the whole figure again, thresholds included, with each
identity counted as often as it was drawn. For impostor pairs, which have two identities each, this is the
two-way ("pigeonhole") bootstrap of Owen, Annals of Applied Statistics 2007, arXiv:0712.1111: its intervals are
honest or somewhat too wide, never too narrow for lack of shared people. Intervals are percentiles of the replicates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

REPLICATES = 1000
LEVEL = 0.95

Statistic = Callable[[Float[np.ndarray, " K"]], Float[np.ndarray, " M"]]
"""M figures of one model, given how often each of K identities counts."""


@dataclass(frozen=True)
class Difference:
    """What a second group of models has more than a first, for each of M figures."""

    mean: Float[np.ndarray, " M"]
    low: Float[np.ndarray, " M"]
    high: Float[np.ndarray, " M"]

    @property
    def significant(self) -> list[bool]:
        """Whether the interval leaves zero out."""
        return [bool(low > 0 or high < 0) for low, high in zip(self.low, self.high, strict=True)]


def resamples(identities: int, replicates: int = REPLICATES, seed: int = 0) -> Iterator[Float[np.ndarray, " K"]]:
    """How often each identity counts in each replicate; the same seed gives the same draws to every model."""
    generator = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = generator.integers(0, identities, identities)
        yield np.bincount(drawn, minlength=identities).astype(float)


def bootstrap(
    statistic: Statistic, identities: int, *, replicates: int = REPLICATES, seed: int = 0
) -> Float[np.ndarray, "R M"]:
    """The figures in every replicate."""
    return np.stack([statistic(weights) for weights in resamples(identities, replicates, seed)])


def interval(replicates: Float[np.ndarray, "R M"]) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Lower and upper end, 95 %; a replicate that drew no judgeable pair says nothing and is left out."""
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.nanpercentile(replicates, [tail, 100 - tail], axis=0)
    return low, high


def paired_difference(
    first: Sequence[Statistic],
    second: Sequence[Statistic],
    identities: int,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Difference:
    """Mean of ``second`` less mean of ``first``, each a list of models that differ in their training seed only.

    Every replicate draws identities once for all models - they are paired - and seeds within each list on its own.
    Of S seeds, S - 1 are drawn, which makes the variance of their mean unbiased (Rao and Wu, JASA 1988); one seed
    alone is always drawn, and the interval then says nothing about seeds.
    """
    generator = np.random.default_rng([seed, 1])
    differences = [
        _drawn_mean(second, weights, generator) - _drawn_mean(first, weights, generator)
        for weights in resamples(identities, replicates, seed)
    ]
    everyone = np.ones(identities)
    mean = _mean(second, everyone) - _mean(first, everyone)
    return Difference(mean, *interval(np.stack(differences)))


def _mean(models: Sequence[Statistic], weights: Float[np.ndarray, " K"]) -> Float[np.ndarray, " M"]:
    return np.mean([model(weights) for model in models], axis=0)


def _drawn_mean(
    models: Sequence[Statistic], weights: Float[np.ndarray, " K"], generator: np.random.Generator
) -> Float[np.ndarray, " M"]:
    drawn = generator.integers(0, len(models), max(1, len(models) - 1))
    return _mean([models[index] for index in drawn], weights)
