"""A quick look during training, on a few dozen identities kept out of it; no intervals."""

from collections.abc import Callable

import numpy as np

from ..backbones.contract import AbstractBackbone
from ..data.contract import AbstractFaces
from .embeddings.embed import Embedder, embed
from .embeddings.lengths import odd_lengths
from .pairs.roc import tar_at_far
from .pairs.scores import AbstractScores, score_all

FARS = (1e-2, 1e-3)


def validate(
    network: AbstractBackbone | Embedder,
    faces: AbstractFaces,
    *,
    flip: bool = False,
    warn: Callable[[str], None] = lambda sentence: None,
) -> dict[str, float]:
    """TAR at FAR 1e-2 and 1e-3 over all pairs, and the best balanced accuracy, as ``{name: share}``.

    A thousand images have half a million pairs, which take a fraction of a second once embedded.

    Args:
        warn: told what is wrong with the embeddings, where something is.
    """
    seen = embed(network, faces, flip=flip)
    for odd in odd_lengths(seen):
        warn(odd)
    scores = score_all(seen.unit, faces.labels)
    points = {f"tar@{point.far_asked:g}": point.tar for point in tar_at_far(scores, FARS)}
    return points | {"balanced_accuracy": best_balanced_accuracy(scores)}


def best_balanced_accuracy(scores: AbstractScores) -> float:
    """Highest mean of TAR and 1 - FAR over all thresholds.

    Balanced, because hundreds of impostor pairs come on each genuine one: judging all as strangers would score 99 %.
    """
    tar = np.arange(1, len(scores.genuine) + 1) / len(scores.genuine)
    impostors_above = np.searchsorted(-scores.impostor, -scores.genuine, side="right")
    return float(np.max((tar + 1 - impostors_above / len(scores.impostor)) / 2, initial=0.5))
