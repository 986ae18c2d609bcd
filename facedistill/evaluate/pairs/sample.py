"""Scores of a folder's pairs for pictures: all that matters, and a sample of the rest."""

import numpy as np
from jaxtyping import Float, Int

from ...types import UNLABELLED
from .scores import score_all

_DRAWN = 400_000
"""Random impostor pairs; a histogram of them is smooth to the eye."""


def thinned_scores(
    unit: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], keep: float, seed: int = 0
) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " I"], Float[np.ndarray, " I"]]:
    """Every genuine score, the highest impostor scores and some of the others, and how many pairs each impostor
    stands for, from L2-normalised embeddings.

    ``keep`` is the share of impostor pairs that are there in full, as in ``score_all``.
    """
    scores = score_all(unit, labels, keep)
    rest = scores.impostor_pairs - len(scores.impostor)
    if rest == 0:
        return scores.genuine, scores.impostor, np.ones(len(scores.impostor))
    below = _drawn_scores(unit[labels != UNLABELLED], labels[labels != UNLABELLED], seed)
    below = below[below < scores.impostor[-1]]
    impostor = np.concatenate([scores.impostor, below])
    return scores.genuine, impostor, np.repeat([1.0, rest / len(below)], [len(scores.impostor), len(below)])


def _drawn_scores(unit: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], seed: int) -> Float[np.ndarray, " S"]:
    first, second = np.random.default_rng(seed).integers(0, len(labels), (2, _DRAWN))
    impostor = labels[first] != labels[second]
    parts = np.array_split(np.stack([first, second], 1)[impostor], 64)
    return np.concatenate([(unit[part[:, 0]] * unit[part[:, 1]]).sum(axis=1) for part in parts])
