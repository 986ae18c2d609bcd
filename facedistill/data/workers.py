"""Processes that make batches. One that dies is replaced once, and what it owed is made again: views are a function of
their key, so nothing about the training changes.
"""

import multiprocessing
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from ..errors import UserError, one_line

PATIENCE_S = 300.0
"""For one batch: a disk that has gone away is then an error, not an endless wait."""


class LoaderStopped(UserError):
    """The processes that load images died or hang, for the second time."""

    exit_code = 1


class Reader:
    """What a data set holds under its keys, in their order, made by ``workers`` processes or by this one."""

    def __init__(self, held: Dataset[Any], workers: int) -> None:
        self._held, self._workers = held, workers
        self._keys: list[Any] = []
        self._loader = self._started()
        self._processes: set[multiprocessing.process.BaseProcess] = set()

    def read(self, keys: Sequence[Any]) -> Iterator[Any]:
        """The values of ``keys``.

        Raises:
            LoaderStopped: the processes died or hung twice.
        """
        done, failures = 0, 0
        while done < len(keys):
            self._keys[:] = keys[done:]
            try:
                for value in self._values():
                    done += 1
                    yield value
            except (RuntimeError, OSError, EOFError) as error:
                failures += 1
                self._begin_again()
                self._check_mendable(error, failures)

    def _begin_again(self) -> None:
        for process in self._processes:
            process.kill()  # one that hangs would be waited for
        self._loader, self._processes = self._started(), set()

    def _check_mendable(self, error: Exception, failures: int) -> None:
        """Go on where processes died for the first time; what they raised by themselves would only come again."""
        reason = one_line(error)
        if self._workers == 0 or reason.startswith("Caught "):
            raise error
        if failures > 1:
            raise LoaderStopped(
                f"The processes that load images stopped twice ({reason}); where memory ran out, lower data.workers."
            ) from None

    def _values(self) -> Iterator[Any]:
        with warnings.catch_warnings():
            # Python 3.12 warns of any fork beside threads; workers touch nothing that a thread could hold.
            warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
            others = set(multiprocessing.active_children())
            values = iter(self._loader)
        self._processes |= set(multiprocessing.active_children()) - others
        _listen_while_reading()
        while True:
            with _listening():
                try:
                    value = next(values)
                except StopIteration:
                    return
            yield value

    def _started(self) -> DataLoader:
        return DataLoader(
            self._held,
            batch_size=None,
            sampler=self._keys,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
            worker_init_fn=_start_worker,
            timeout=PATIENCE_S if self._workers else 0,
            # Faces in memory are shared with a fork and copied to anything else.
            multiprocessing_context="fork" if self._workers and sys.platform == "linux" else None,
            pin_memory=torch.cuda.is_available(),
            # Of its own, so that a loader leaves the global random numbers alone.
            generator=torch.Generator(),
        )


def _start_worker(number: int) -> None:
    """Signals are for the training loop, which saves first; a second request to end is meant."""
    for asked in signal.Signals:
        if asked.name in ("SIGINT", "SIGUSR1"):
            signal.signal(asked, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_next_time)
    cv2.setNumThreads(0)


def _end_next_time(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)


class _Gate:
    """PyTorch's handler of SIGCHLD raises wherever the program is, in the middle of an update too; not while closed."""

    def __init__(self, handler: Any) -> None:
        self._handler, self.open = handler, False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.open:
            self._handler(number, frame)


def _listen_while_reading() -> None:
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        return
    handler = signal.getsignal(signal.SIGCHLD)
    if callable(handler) and not isinstance(handler, _Gate):
        signal.signal(signal.SIGCHLD, _Gate(handler))


@contextmanager
def _listening() -> Iterator[None]:
    """Deaths of workers raise here, those since the last time at once."""
    gate = None if sys.platform == "win32" else signal.getsignal(signal.SIGCHLD)
    if not isinstance(gate, _Gate):
        yield
        return
    gate.open = True
    try:
        gate(signal.SIGCHLD, None)
        yield
    finally:
        gate.open = False
