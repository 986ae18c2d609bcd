"""Lists of pairs for sets that come with none, of the form that LFW published."""

import numpy as np
from jaxtyping import Int

from ...data.pairs import FOLDS, Pairs


def listed_pairs(labels: Int[np.ndarray, " N"], *, per_kind: int = 100, seed: int = 0) -> Pairs:
    """A list of LFW's form: ten folds of different people, each with ``per_kind`` pairs of one person and of two."""
    first, second = np.triu_indices(len(labels), k=1)
    fold, same = labels * FOLDS // (int(labels.max()) + 1), labels[first] == labels[second]
    within = np.where(fold[first] == fold[second], fold[first], -1)
    generator = np.random.default_rng(seed)
    choices = [np.flatnonzero((within == number) & (same == kind)) for number in range(FOLDS) for kind in (True, False)]
    chosen = np.concatenate([generator.permutation(choice)[:per_kind] for choice in choices])
    return Pairs(first[chosen], second[chosen], same[chosen])
