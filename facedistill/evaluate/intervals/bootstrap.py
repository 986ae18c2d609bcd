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
ENDS_PERCENT = (100 * (1 - LEVEL) / 2, 100 - 100 * (1 - LEVEL) / 2)
"""Percentiles of the replicates that an interval ends at."""

UNDECIDED = "not distinguishable"
"""The verdict on a difference whose interval holds zero."""

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

    @property
    def verdicts(self) -> list[str]:
        """The word that each interval allows: never "better" or "worse" where it holds zero."""
        ends = zip(self.low, self.high, strict=True)
        return ["better" if low > 0 else "worse" if high < 0 else UNDECIDED for low, high in ends]


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
    low, high = np.nanpercentile(replicates, ENDS_PERCENT, axis=0)
    return low, high


@dataclass(frozen=True)
class Replicates:
    """M figures of one model: with every identity once, and in R replicates."""

    everyone: Float[np.ndarray, " M"]
    drawn: Float[np.ndarray, "R M"]


def replicate(statistic: Statistic, identities: int, *, replicates: int = REPLICATES, seed: int = 0) -> Replicates:
    """The figures of one model, to be compared with those of others that were drawn with the same seed."""
    drawn = bootstrap(statistic, identities, replicates=replicates, seed=seed)
    return Replicates(statistic(np.ones(identities)), drawn)


def paired_difference(
    first: Sequence[Statistic],
    second: Sequence[Statistic],
    identities: int,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Difference:
    """Mean of ``second`` less mean of ``first``, each a list of models that differ in their training seed only."""
    groups = [
        [replicate(model, identities, replicates=replicates, seed=seed) for model in models]
        for models in (first, second)
    ]
    return difference(*groups, seed=seed)


def difference(first: Sequence[Replicates], second: Sequence[Replicates], *, seed: int = 0) -> Difference:
    """As ``paired_difference``, of figures that were drawn before.

    Every replicate draws identities once for all models - they are paired - and seeds within each list on its own.
    Of S seeds, S - 1 are drawn, which makes the variance of their mean unbiased (Rao and Wu, JASA 1988); one seed
    alone is always drawn, and the interval then says nothing about seeds.
    """
    generator = np.random.default_rng([seed, 1])
    differences = [
        drawn_mean(second, number, generator) - drawn_mean(first, number, generator)
        for number in range(len(second[0].drawn))
    ]
    return Difference(_mean(second) - _mean(first), *interval(np.stack(differences)))


def alone(models: Sequence[Replicates], *, seed: int = 0) -> Difference:
    """Mean of models that differ in their training seed only, and its interval: the difference to nothing."""
    nothing = Replicates(np.zeros_like(models[0].everyone), np.zeros_like(models[0].drawn))
    return difference([nothing], models, seed=seed)


def _mean(models: Sequence[Replicates]) -> Float[np.ndarray, " M"]:
    return np.mean([model.everyone for model in models], axis=0)


def drawn_mean(models: Sequence[Replicates], number: int, generator: np.random.Generator) -> Float[np.ndarray, " M"]:
    """Mean over drawn seeds in replicate ``number``."""
    drawn = generator.integers(0, len(models), max(1, len(models) - 1))
    return np.mean([models[index].drawn[number] for index in drawn], axis=0)
