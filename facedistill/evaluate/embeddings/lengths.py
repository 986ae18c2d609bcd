"""Whether a network's answers are alike in length, as those of a network in order are.

Lengths of answers that are in order lie within a factor of three of their median. A BatchNorm channel whose variance
has all but vanished divides by almost nothing: the faces that excite it get embeddings many times as long as the
others, which all point one way, so that these faces count as one person.
"""

import numpy as np

from .embed import Embeddings

TIMES_MEDIAN = 10
"""How long an embedding must be to be told of."""


def odd_lengths(seen: Embeddings) -> list[str]:
    """A sentence on embeddings that are far too long; empty where there are none. It names nobody."""
    odd = np.count_nonzero(seen.norms > TIMES_MEDIAN * np.median(seen.norms))
    if not odd:
        return []
    return [
        f"{odd:,} of {len(seen.norms):,} embeddings are over {TIMES_MEDIAN} times as long as the median one: these "
        "faces may all look alike to the network, as where a BatchNorm channel has died"
    ]
