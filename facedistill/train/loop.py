"""The training loop; it names no method, backbone or head."""

import time
from collections.abc import Callable, Mapping, Sequence

import torch

from ..data.contract import AbstractFaces
from ..data.loader import Loader
from ..progress import Display
from ..types import Batch
from .log import Log
from .meter import Meter
from .step import NonFiniteLoss, Step

AfterStep = Callable[[int, Meter], None]


def train_epoch(
    step: Step,
    loader: Loader,
    epoch: int,
    *,
    display: Display,
    logs: Sequence[Log],
    faces: AbstractFaces,
    start: int = 0,
    meter: Meter | None = None,
    after_step: AfterStep = lambda steps, meter: None,
) -> None:
    """One pass over the training set, or what is left of one.

    Args:
        start: steps of it that are done.
        meter: what was seen in them.
        after_step: told how many are done after each, and may raise to end it all.

    Raises:
        NonFiniteLoss: names the epoch, the step and the samples of the batch.
    """
    meter, first = meter or Meter(), epoch * len(loader)
    asked = time.monotonic()
    for done, (images, batch) in enumerate(loader.epoch(epoch, start), start):
        waiting_s = time.monotonic() - asked
        batch = on_device(batch, step.device, (first + done) / step.steps)
        try:
            terms = step(first + done, images, batch)
        except NonFiniteLoss as error:
            raise _located(error, epoch, done, first, batch, faces) from None
        meter.add(len(images), waiting_s, terms)
        display.advance(first + done + 1, _remark(terms, meter))
        after_step(done + 1, meter)
        asked = time.monotonic()
    rate = step.optimiser.param_groups[0]["lr"]
    for log in logs:
        log.write(first + len(loader), {"epoch": epoch + 1, "lr": rate, **meter.read()})


def _remark(terms: Mapping[str, float], meter: Meter) -> str:
    now = meter.read()
    return f"loss {terms['loss']:.3f} {now['images_per_s']:.0f} images/s wait {now['data_wait']:.0%}"


def on_device(batch: Batch, device: torch.device, progress: float) -> Batch:
    """``batch`` where the networks are, at ``progress`` of the training."""
    return Batch(
        batch.labels.to(device), batch.index.to(device), batch.view.to(device), torch.tensor(progress, device=device)
    )


def _located(
    error: NonFiniteLoss, epoch: int, done: int, first: int, batch: Batch, faces: AbstractFaces
) -> NonFiniteLoss:
    index = batch.index.tolist()
    names = ", ".join(faces.name(number) for number in index[:3])
    where = {
        "epoch": epoch,
        "steps": done,
        "index": index,
        "view": batch.view.tolist(),
        "labels": batch.labels.tolist(),
    }
    return NonFiniteLoss(
        f"Stopped in epoch {epoch + 1}, step {first + done + 1}: {error}; the weights are those of the step before. "
        f"The batch holds {names} and {max(0, len(index) - 3)} more: look at these images, or lower the "
        "learning rate or the margin.",
        {**error.evidence, **where},
    )
