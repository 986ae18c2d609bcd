"""Trainings to which something happens at a chosen step, and the samples that they were shown."""

import os
import signal
from collections.abc import Callable, Iterator

from facedistill.data.loader import Loaded, Loader

Shown = list[tuple[int, int, list[int]]]
"""Epoch, step and samples of every batch."""


def watch(shown: Shown, happens: Callable[[int, int], object] = lambda epoch, step: None) -> Callable[..., Loaded]:
    """A ``Loader.epoch`` that notes what it gives, and has ``happens`` told of every batch before."""
    epoch_of = Loader.epoch

    def epoch(self: Loader, number: int, start: int = 0) -> Iterator:
        for step, (images, batch) in enumerate(epoch_of(self, number, start), start):
            happens(number, step)
            shown.append((number, step, batch.index.tolist()))
            yield images, batch

    return epoch


def signal_at(epoch: int, step: int, sent: signal.Signals = signal.SIGTERM) -> Callable[[int, int], None]:
    """Sends this process a signal when that step is about to be taken."""

    def happens(*place: int) -> None:
        if place == (epoch, step):
            os.kill(os.getpid(), sent)

    return happens
