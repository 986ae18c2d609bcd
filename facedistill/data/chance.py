"""Random numbers that are looked up, not drawn in turn (Philox: Salmon et al. 2011, counter-based).

The stream is a function of its address alone, so no order, process or restart can change it.
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """Streams that never meet."""

    VIEW = 0
    ORDER = 1
    SPLIT = 2
    BALANCE = 3
    MIX = 4


def chance(purpose: Purpose, seed: int, number: int = 0, repeat: int = 0) -> np.random.Generator:
    """The stream of ``(purpose, seed, number, repeat)``, none of them negative."""
    key = np.array([seed, number], dtype=np.uint64)
    # The low words count the draws of one stream.
    counter = np.array([0, 0, purpose, repeat], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
