"""Random numbers that are looked up, not drawn in turn (Philox: Salmon et al. 2011, counter-based).

The stream is a function of its address alone, so no order, process or restart can change it.
"""

import threading
from enum import IntEnum

import numpy as np
from jaxtyping import Float


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


class _Placed(threading.local):
    """One generator a thread, put anywhere in no time: making one takes longer than a view's numbers do."""

    def __init__(self) -> None:
        self.stream = chance(Purpose.VIEW, 0)
        self.state = self.stream.bit_generator.state


_placed = _Placed()


def draws(count: int, purpose: Purpose, seed: int, number: int = 0, repeat: int = 0) -> Float[np.ndarray, " count"]:
    """The first ``count`` numbers from 0 to 1 of that stream, as ``chance(...).random(count)`` has them."""
    counter, key = _placed.state["state"]["counter"], _placed.state["state"]["key"]
    key[:] = seed, number
    counter[:] = 0, 0, purpose, repeat
    _placed.stream.bit_generator.state = _placed.state
    return _placed.stream.random(count)
