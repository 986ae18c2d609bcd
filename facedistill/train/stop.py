"""Signals that ask a run to end: SIGTERM and SIGINT, and SIGUSR1, which batch systems send before time is up."""

import contextlib
import os
import signal
import threading
import time
from types import FrameType
from typing import Any

NAMES = frozenset({"SIGTERM", "SIGINT", "SIGUSR1"})
"""Some systems do not have the last."""
ECHO_S = 1.0
"""Terminals, ``torchrun`` and batch systems may send one request twice; a person takes longer."""


class Signals:
    """While entered, the first signal is noted, and another one ends the process at once, unsaved."""

    def __init__(self) -> None:
        self.asked = ""
        """Name of the signal that came, empty if none did."""
        self._first_s = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            ours = [number for number in signal.Signals if number.name in NAMES]
            self._before = {number: signal.signal(number, self._note) for number in ours}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked, self._first_s = signal.Signals(number).name, now
            with contextlib.suppress(OSError):  # not print: a signal may come in the midst of one
                os.write(2, b"Asked to end: saving after this step. Ask again to end at once.\n")
        elif now - self._first_s > ECHO_S:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
