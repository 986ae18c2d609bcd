"""Some of many, at equal distances."""

import numpy as np
from jaxtyping import Int


def evenly(count: int, wanted: int) -> Int[np.ndarray, " M"]:
    """At most ``wanted`` numbers below ``count``, ascending and at equal distances, with both ends."""
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.int64)
