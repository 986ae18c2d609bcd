"""When a run is saved: after every epoch, every half hour, and where a signal asks it to end."""

import time
from collections.abc import Mapping
from typing import Any

from .. import dist
from ..errors import Stopped
from .checkpoint import Progress, save
from .meter import Meter
from .prepare import Run
from .step import NonFiniteLoss
from .stop import Signals

SAVE_EVERY_S = 1800.0
"""What a power cut costs at most; an epoch may take a day."""


class Keeper:
    """Saves ``run``, which would have begun at ``began``, had it never been stopped."""

    def __init__(self, run: Run, signals: Signals, began: float) -> None:
        self._run, self._signals, self._began = run, signals, began
        self._saved_s = time.monotonic()
        self._done: tuple[int, int, Meter] | None = None

    def after_step(self, epoch: int, steps: int, meter: Meter) -> None:
        """``steps`` steps of ``epoch`` are done; its last one is saved with the epoch.

        Raises:
            Stopped: a signal asked for it, in this process or in another.
        """
        self._done = (epoch, steps, meter)
        if steps == len(self._run.loader):
            return
        ending, due = dist.anyone(bool(self._signals.asked), time.monotonic() - self._saved_s >= SAVE_EVERY_S)
        if ending or due:
            self._save(epoch, steps, meter.readings())
        if ending:
            self._end(f"step {steps} of epoch {epoch + 1}")

    def after_epoch(self, epoch: int) -> None:
        """``epoch`` is done, and judged.

        Raises:
            Stopped: a signal asked for it, and there are epochs left.
        """
        self._save(epoch + 1)
        (ending,) = dist.anyone(bool(self._signals.asked))
        if ending and epoch + 1 < self._run.recipe.training.epochs:
            self._end(f"epoch {epoch + 1}")

    def rescue(self) -> None:
        """Save what the last step left, where no other process would have to agree."""
        epoch, steps, meter = self._done or (0, 0, Meter())
        if 0 < steps < len(self._run.loader) and dist.world() == 1:
            self._save(epoch, steps, meter.readings())

    def check_finite(self) -> None:
        """Refuse weights that are no numbers, before they are judged or saved.

        Raises:
            NonFiniteLoss: a good loss and a good gradient made them so, by a learning rate that is far too large.
        """
        finite = all(bool(dist.local(weight).isfinite().all()) for weight in self._run.learners.trained)
        (broken,) = dist.anyone(not finite)
        if broken:
            raise NonFiniteLoss(
                "Stopped: the weights are no longer finite, and are not saved; lower the learning rate and choose "
                "another out=."
            )

    def _save(self, epochs: int, steps: int = 0, seen: Mapping[str, Any] | None = None) -> None:
        learners = self._run.learners
        self.check_finite()
        progress = Progress(epochs, time.monotonic() - self._began, steps=steps, seen=seen or {})
        save(self._run.recipe.out / "checkpoints", learners, progress, self._run.setting)
        self._saved_s = time.monotonic()

    def _end(self, place: str) -> None:
        dist.wait_for_all()  # torchrun ends all processes once one has gone, and one is still writing
        name = self._signals.asked or "a signal to another process"
        raise Stopped(f"Stopped by {name} and saved after {place}; go on with --resume.")
