"""The first draw of many streams at once: Philox 4x64-10 (Salmon et al. SC 2011), over arrays.

    c ← ( hi(M1 c2) ⊕ c1 ⊕ k0 , lo(M1 c2) , hi(M0 c0) ⊕ c3 ⊕ k1 , lo(M0 c0) ) ;  k ← k + W        ten times

``chance`` opens a stream for one address in some microseconds; a batch of addresses costs little more here.
"""

import numpy as np
from jaxtyping import Float, Int, UInt64

from .chance import Purpose

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B], dtype=np.uint64)
_ROUNDS = 10
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)

Words = UInt64[np.ndarray, " N"]


def first_draws(
    purpose: Purpose, seed: int, numbers: Int[np.ndarray, " N"], repeats: Int[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """``chance(purpose, seed, number, repeat).random()`` for every pair, to the bit."""
    key = np.array([seed, 0], dtype=np.uint64)
    k0, k1 = key[0], numbers.astype(np.uint64)
    c0 = np.ones_like(k1)  # a stream counts up before its first block
    c1, c2, c3 = np.zeros_like(k1), np.full_like(k1, purpose), repeats.astype(np.uint64)
    for number in range(_ROUNDS):
        bump = _W * np.uint64(number)
        high0, low0 = _product(c0, _M0)
        high1, low1 = _product(c2, _M1)
        c0, c1, c2, c3 = high1 ^ c1 ^ (k0 + bump[:1]), low1, high0 ^ c3 ^ (k1 + bump[1]), low0
    return (c0 >> np.uint64(11)) * 2.0**-53


def _product(words: Words, factor: np.uint64) -> tuple[Words, Words]:
    """High and low word of the product of 128 bits, from halves of 32."""
    a1, a0 = words >> _HALF, words & _LOW
    b1, b0 = factor >> _HALF, factor & _LOW
    middle = a1 * b0 + (a0 * b0 >> _HALF)
    rest = a0 * b1 + (middle & _LOW)
    return a1 * b1 + (middle >> _HALF) + (rest >> _HALF), words * factor
