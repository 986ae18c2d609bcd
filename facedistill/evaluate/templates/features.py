"""Template features: what a set of images and video frames of one person says, in one unit vector.

The rule of IJB-B and IJB-C (Whitelam et al., 2017; Maze et al., 2018) as every public evaluation has it:

    t = unit( sum over media m of  mean over images i of m of  q_i x_i )

x_i is the image feature, L2-normalised or not, and q_i the detector score, or 1. The mean and the sum are one weighted
sum, so images are sorted by template once and added up segment by segment, a few thousand at a time.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from ...errors import UserError
from ..embeddings.embed import Embeddings
from ..embeddings.unit import unit_rows
from .conventions import Convention

_CHUNK_IMAGES = 512
"""Features in memory at once in float64: 2 MB at width 512, which the caches like."""


def used_views(seen: Embeddings, convention: Convention) -> Float[np.ndarray, "V N D"]:
    """The views that the convention adds up.

    Raises:
        UserError: it adds the mirror image, and there is none.
    """
    if convention.flip and len(seen.views) < 2:
        raise UserError(
            "The convention adds the mirror image's embedding and these embeddings have none; "
            "embed with flip, or switch it off in the convention with flip=no."
        )
    return seen.views if convention.flip else seen.views[:1]


def image_features(views: Float[np.ndarray, "V n D"], convention: Convention) -> Float[np.ndarray, "n D"]:
    """x of every image, float64; a zero vector stays zero."""
    exact = views.astype(np.float64)
    features = (unit_rows(exact) if convention.unit_views else exact).sum(axis=0)
    return features if convention.norm_kept else unit_rows(features)


def template_features(
    views: Float[np.ndarray, "V N D"],
    template: Int[np.ndarray, " N"],
    media: Int[np.ndarray, " N"],
    detector_scores: Float[np.ndarray, " N"],
    convention: Convention,
) -> Float[np.ndarray, "T D"]:
    """L2-normalised features of templates 0 to T - 1, each of which has an image; float64."""
    order = np.lexsort((media, template))
    weights = _weights(template[order], media[order], detector_scores[order], convention)
    starts = _starts(template[order])
    sums = np.empty((len(starts), views.shape[2]))
    for first, last in _chunks(starts, len(order)):
        end = starts[last] if last < len(starts) else len(order)
        rows = slice(starts[first], end)
        features = image_features(views[:, order[rows]], convention) * weights[rows, None]
        np.add.reduceat(features, starts[first:last] - starts[first], axis=0, out=sums[first:last])
    return unit_rows(sums)


def _weights(
    template: Int[np.ndarray, " N"],
    media: Int[np.ndarray, " N"],
    detector_scores: Float[np.ndarray, " N"],
    convention: Convention,
) -> Float[np.ndarray, " N"]:
    """q over the number of images of the same medium in the same template, for images sorted by both."""
    starts = _starts(template, media)
    images = np.diff(starts, append=len(template))
    quality = detector_scores.astype(np.float64) if convention.detector else np.ones(len(template))
    return quality / np.repeat(images, images)


def _starts(*keys: Int[np.ndarray, " N"]) -> Int[np.ndarray, " S"]:
    """Where a new segment begins in sorted keys."""
    changes = np.any([np.diff(key) != 0 for key in keys], axis=0)
    return np.concatenate([[0], np.flatnonzero(changes) + 1])


def _chunks(starts: Int[np.ndarray, " T"], images: int) -> Iterator[tuple[int, int]]:
    """First and last template of every chunk: as many as ``_CHUNK_IMAGES`` hold, and at least one."""
    ends = np.append(starts[1:], images)
    first = 0
    while first < len(starts):
        last = int(np.searchsorted(ends, starts[first] + _CHUNK_IMAGES, side="right"))
        yield first, max(last, first + 1)
        first = max(last, first + 1)
