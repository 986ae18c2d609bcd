"""A run: from a recipe to a folder with a trained network."""

import platform
import time
from itertools import chain, count, islice
from typing import Any

import torch

from .. import dist
from ..data.workers import LoaderStopped
from ..device import choose_device
from ..evaluate.validate import validate
from ..progress import Display
from ..recipe import Recipe
from ..speed.computing import eagerly
from .assemble import load_faces, resolve
from .checkpoint import Progress, checkpoints, restore, setting_of
from .folder import check_free, finish, keep_snapshot, open_folder
from .keeper import Keeper
from .log import Log
from .loop import on_device, train_epoch
from .meter import Meter
from .prepare import Load, Run, prepare
from .replay import keep_replay
from .resume import check_same, check_setting, result_of
from .room import check_room
from .step import NonFiniteLoss
from .stop import Signals


def fit(recipe: Recipe, *, resume: bool = False, load: Load = load_faces) -> dict[str, Any]:
    """Train, and return what ``result.json`` says.

    Args:
        recipe: what to train.
        resume: go on from the newest checkpoint of ``recipe.out``, bit for bit as if it had never stopped; a finished
            run only says its result again. Where ``torchrun`` starts processes again, they go on without being asked.
        load: where the faces come from; runs on the same faces may share them.

    Raises:
        UserError: the folder exists and ``resume`` was not asked for, or belongs to another recipe, or anything
            ``prepare`` refuses.
        NonFiniteLoss: training diverged; the folder keeps its last good checkpoint, and the step to be taken again.
        Stopped: a signal asked for an end; all is saved.
        CannotSave: the disk is full; the folder keeps its last good checkpoint.
    """
    resume = resume or (dist.restarted() and recipe.out.exists())
    if not resume:
        check_free(recipe.out)
    else:
        check_same(resolve(recipe))
        if (result := result_of(recipe.out)) is not None:
            return result
    began = setting_of(recipe.out / "checkpoints") if resume else {}
    with dist.processes(choose_device(recipe.training.device)):
        run = prepare(recipe, load, began.get("processes"))
        return _train(run, _restored(run) if resume else Progress())


def dry_run(recipe: Recipe, steps: int = 2) -> dict[str, Any]:
    """Build everything, take ``steps`` steps after one to warm up, write nothing, and say what to expect."""
    check_free(recipe.out)
    run = prepare(recipe)
    run.objective.train()
    meter = Meter()
    batches = chain.from_iterable(run.loader.epoch(epoch) for epoch in count())
    for number, (images, batch) in enumerate(islice(batches, steps + 1)):
        terms = run.step(number, images, on_device(batch, run.step.device, 0.0))
        if number:
            meter.add(len(images), 0.0, terms)
        else:
            meter = Meter()  # the first step warms up
    seen = meter.read()
    total = run.step.steps * run.recipe.training.batch
    return {
        **seen,
        "images": len(run.sets.training),
        "identities": len(run.sets.labelled.identities),
        "trained_weights": sum(p.numel() for group in run.learners.optimiser.param_groups for p in group["params"]),
        "model_weights": sum(p.numel() for p in run.objective.model.parameters()),
        "peak_memory_mb": _peak_memory_mb(run.step.device),
        "steps": run.step.steps,
        "speed": run.chosen.speed.words,
        "eta_s": total / seen["images_per_s"],
    }


def _restored(run: Run) -> Progress:
    """How far the run had come; weights and all else are as they were then, or new before the first checkpoint."""
    out = run.recipe.out
    if not checkpoints(out / "checkpoints"):
        return Progress()
    return restore(out / "checkpoints", run.learners, lambda began: check_setting(began, run.setting, out))


def _train(run: Run, done: Progress) -> dict[str, Any]:
    leader = dist.rank() == 0
    check_room(run.recipe.out, run.learners)
    logs = open_folder(run, _steps(run, done)) if leader else []
    began = time.monotonic() - done.training_s
    try:
        validation = _epochs(run, done, logs, began)
    finally:
        for log in logs:
            log.close()
    return finish(run, validation, time.monotonic() - began)


def _steps(run: Run, done: Progress) -> int:
    return done.epochs * len(run.loader) + done.steps


def _epochs(run: Run, done: Progress, logs: list[Log], began: float) -> dict[str, float]:
    """The epochs that are left; what the last look at the validation identities said.

    Args:
        began: when the run would have begun, had it never been stopped.
    """
    recipe, leader = run.recipe, dist.rank() == 0
    validation: dict[str, float] = {}
    with Signals() as signals, Display(run.step.steps, done=_steps(run, done), title=recipe.out.name) as display:
        keeper = Keeper(run, signals, began)
        if leader and run.chosen.sentence:
            display.say(run.chosen.sentence)
        for sentence in done.damaged if leader else ():
            display.say(f"{sentence}; going on from the one before.")
        for epoch in range(done.epochs, recipe.training.epochs):
            _epoch(run, epoch, done if epoch == done.epochs else Progress(), keeper, logs, display)
            keeper.check_finite()
            validation = _look(run, epoch, logs, display) or validation
            keep_snapshot(run, epoch + 1)
            keeper.after_epoch(epoch)
        if done.epochs == recipe.training.epochs:  # stopped between its last checkpoint and its result
            validation = _look(run, recipe.training.epochs - 1, logs, display)
    return validation


def _epoch(run: Run, epoch: int, done: Progress, keeper: Keeper, logs: list[Log], display: Display) -> None:
    """What is left of ``epoch``, of which ``done.steps`` are done; whatever ends it keeps what it can."""
    run.objective.train()
    try:
        train_epoch(
            run.step, run.loader, epoch, display=display, logs=logs, faces=run.sets.training, start=done.steps,
            meter=Meter.resumed(done.seen) if done.steps else None,
            after_step=lambda steps, meter: keeper.after_step(epoch, steps, meter),
        )  # fmt: skip
    except LoaderStopped:
        keeper.rescue()
        raise
    except NonFiniteLoss as error:
        raise (keep_replay(run, error) if error.evidence else error) from None


def _look(run: Run, epoch: int, logs: list[Log], display: Display) -> dict[str, float]:
    """Judge by the validation identities, where there are any and it is time."""
    training = run.recipe.training
    due = (epoch + 1) % training.validate_every == 0 or epoch + 1 == training.epochs
    if run.sets.validation is None or not due:
        return {}

    def warn(sentence: str) -> None:
        if logs:  # one process speaks for all
            display.say(f"After epoch {epoch + 1}: {sentence}")

    with eagerly(run.chosen.speed):
        seen = validate(run.model, run.sets.validation, warn=warn)
    for log in logs:
        log.write((epoch + 1) * len(run.loader), {"epoch": epoch + 1, **seen})
    return seen


def _peak_memory_mb(device: torch.device) -> float | None:
    """Largest memory in use so far, or None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
