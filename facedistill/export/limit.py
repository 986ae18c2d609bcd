"""What this machine's arithmetic allows: multiply-adds in a second, in float32, of a convolution that suits it."""

import time

import torch
import torch.nn.functional as F

_CHANNELS, _SIDE = 128, 28
"""Weights and maps stay in the caches, and a call is over before others want the processor."""

_TRIES = 200


def macs_per_s(threads: int) -> float:
    """The best of many 3 x 3 convolutions of many channels."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _CHANNELS**2 * 9 * _SIDE**2 / _least_s()
    finally:
        torch.set_num_threads(before)


def _least_s() -> float:
    x = torch.rand(1, _CHANNELS, _SIDE, _SIDE).to(memory_format=torch.channels_last)
    weight = torch.rand(_CHANNELS, _CHANNELS, 3, 3).to(memory_format=torch.channels_last)
    least = float("inf")
    with torch.inference_mode():
        for _ in range(_TRIES):
            began = time.perf_counter()
            F.conv2d(x, weight, padding=1)
            least = min(least, time.perf_counter() - began)
    return least
