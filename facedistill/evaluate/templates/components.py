"""Who is who where a list of pairs is all that is known: templates that genuine pairs join are one person."""

import numpy as np
from jaxtyping import Int


def joined_groups(members: int, first: Int[np.ndarray, " P"], second: Int[np.ndarray, " P"]) -> Int[np.ndarray, " M"]:
    """The connected component of every member, numbered from 0 in the order of their lowest members.

    Every member takes the lowest number among those it is paired with, and then that one's, until nothing changes.
    """
    lowest = np.arange(members)
    while True:
        reached = np.minimum(lowest[first], lowest[second])
        before = lowest.copy()
        for side in (first, second):
            np.minimum.at(lowest, side, reached)
            np.minimum.at(lowest, before[side], reached)
        lowest = lowest[lowest]
        if np.array_equal(lowest, before):
            return np.unique(lowest, return_inverse=True)[1]
