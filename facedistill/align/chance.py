"""Random draws inside a method or a head: each is a function of what it is for, not the next of a stream.

No process, order or restart changes them, so two processes still draw what one does.
"""

from math import prod

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..types import Batch

_WORD = 0xFFFFFFFF
_ODD = 0x45D9F3B  # multiplier of a well-spread 32-bit integer hash; below 2^27, so that products fit into 63 bits


def bernoulli(batch: Batch, shape: tuple[int, ...], share: float) -> Bool[Tensor, "B ..."]:
    """For each sample ``shape`` draws of its own, each true with probability ``share``."""
    sample = _hash(_hash(batch.index & _WORD) ^ (batch.view & _WORD))
    place = _hash(torch.arange(prod(shape), device=sample.device))
    number = _hash(sample[:, None] ^ place).reshape(len(sample), *shape)
    return number < int(share * 2**32)


def drawn(numbers: Int[Tensor, " K"], turn: Int[Tensor, ""], share: float) -> Bool[Tensor, " K"]:
    """For each of ``numbers`` a draw of its own in every turn, true with probability ``share``."""
    return _hash(_hash(numbers) ^ _hash(turn)) < int(share * 2**32)


def _hash(word: Int[Tensor, "*_"]) -> Int[Tensor, "*_"]:
    for _ in range(2):
        word = ((word >> 16) ^ word) * _ODD & _WORD
    return (word >> 16) ^ word
