"""A run: from a recipe to a folder with a trained network.

<run>/config.yaml         resolved            environment.json   versions, device, threads
      metrics.jsonl       every epoch         checkpoints/       to resume from
      model.safetensors   the network         head.safetensors   its classifier
      result.json         how it ended
"""

import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, cast

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .. import dist
from ..backbones.contract import AbstractBackbone
from ..backbones.load import save_backbone, write_tensors
from ..config import Recipe, call, checked, dump_recipe, one
from ..data.loader import Loader, in_order
from ..data.views import Views
from ..device import choose_device
from ..errors import UserError
from ..evaluate.validate import validate
from ..progress import Display
from .allocator import keep_freed_memory
from .assemble import TABLES, Sets, build_objective, load_faces, resolve
from .checkpoint import Learners, restore, save, write_text
from .log import JsonLines, Log, TensorBoard
from .loop import Meter, Step, on_device, train_epoch
from .objective import Objective, Weights
from .optim import parameter_groups
from .resume import check_same, result_of

Load = Callable[[Recipe], Sets]


@dataclass(frozen=True)
class Run:
    """Everything a recipe stands for, built and ready."""

    recipe: Recipe
    sets: Sets
    loader: Loader
    objective: Objective
    learners: Learners
    step: Step

    @property
    def model(self) -> AbstractBackbone:
        """The network to judge and to keep: the averaged one where there is one."""
        averaged = self.learners.averaged
        return self.objective.model if averaged is None else cast(AbstractBackbone, averaged.module)


def prepare(recipe: Recipe, load: Load = load_faces) -> Run:
    """Build data, networks and optimiser; nothing is written.

    Raises:
        UserError: anything about the recipe, the data or the weights that cannot work.
    """
    recipe = resolve(recipe)
    keep_freed_memory()
    device = dist.local_device(choose_device(recipe.training.device))
    torch.manual_seed(recipe.seed)
    sets = load(recipe)
    objective = build_objective(recipe, sets.labelled, device)
    loader = _loader(recipe, sets)
    learners, step = _learners(recipe, objective, loader, device)
    run = Run(recipe, sets, loader, objective, learners, step)
    _rehearse(run)
    return run


def fit(recipe: Recipe, *, resume: bool = False, load: Load = load_faces) -> dict[str, Any]:
    """Train, and return what ``result.json`` says.

    Args:
        recipe: what to train.
        resume: go on from the newest checkpoint of ``recipe.out``; a finished run only says its result again.
        load: where the faces come from; runs on the same faces may share them.

    Raises:
        UserError: the folder exists and ``resume`` was not asked for, or belongs to another recipe, or anything
            ``prepare`` refuses.
        NonFiniteLoss: training diverged; the folder keeps its last good checkpoint.
    """
    _check_folder(recipe.out, resume)
    if resume:
        check_same(resolve(recipe))
        if (result := result_of(recipe.out)) is not None:
            return result
    with dist.processes(choose_device(recipe.training.device)):
        run = prepare(recipe, load)
        done = restore(recipe.out / "checkpoints", run.learners) if resume else 0
        return _train(run, done)


def dry_run(recipe: Recipe, steps: int = 2) -> dict[str, Any]:
    """Build everything, take ``steps`` steps after one to warm up, write nothing, and say what to expect."""
    _check_folder(recipe.out, resume=False)
    run = prepare(recipe)
    run.objective.train()
    meter, number = Meter(), 0
    batches = chain.from_iterable(run.loader.epoch(epoch) for epoch in count())
    for images, batch in islice(batches, steps + 1):
        terms = run.step(number, images, on_device(batch, run.step.device, 0.0))
        number += 1
        if number == 1:
            meter = Meter()
            continue
        meter.add(len(images), 0.0, terms)
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
        "eta_s": total / seen["images_per_s"],
    }


def _train(run: Run, done: int) -> dict[str, Any]:
    leader = dist.rank() == 0
    logs = _open_folder(run) if leader else []
    started = time.monotonic()
    try:
        validation = _epochs(run, done, logs)
    finally:
        for log in logs:
            log.close()
    return _finish(run, validation, time.monotonic() - started) if leader else {}


def _epochs(run: Run, done: int, logs: list[Log]) -> dict[str, float]:
    """The epochs that are left; what the last look at the validation identities said."""
    recipe, leader = run.recipe, dist.rank() == 0
    validation: dict[str, float] = {}
    with Display(run.step.steps, done=done * len(run.loader), title=recipe.out.name) as display:
        for epoch in range(done, recipe.training.epochs):
            run.objective.train()
            train_epoch(run.step, run.loader, epoch, display=display, logs=logs, faces=run.sets.training)
            if leader:
                validation = _look(run, epoch, logs) or validation
                save(recipe.out / "checkpoints", run.learners, epoch=epoch + 1)
    # A run that was stopped between its last checkpoint and its result has no epoch left to look after.
    return validation if validation or not leader else _look(run, recipe.training.epochs - 1, logs)


def _look(run: Run, epoch: int, logs: list[Log]) -> dict[str, float]:
    """Judge by the validation identities, where there are any and it is time."""
    training = run.recipe.training
    due = (epoch + 1) % training.validate_every == 0 or epoch + 1 == training.epochs
    if run.sets.validation is None or not due:
        return {}
    seen = validate(run.model, run.sets.validation)
    for log in logs:
        log.write((epoch + 1) * len(run.loader), {"epoch": epoch + 1, **seen})
    return seen


def _finish(run: Run, validation: dict[str, float], seconds: float) -> dict[str, Any]:
    recipe = run.recipe
    save_backbone(run.model, recipe.model, recipe.out / "model.safetensors")
    if run.objective.head is not None:
        _save_head(run)
    result = {
        "model": recipe.model,
        "epochs": recipe.training.epochs,
        "seed": recipe.seed,
        "images": len(run.sets.training),
        "identities": len(run.sets.labelled.identities),
        "training_s": round(seconds, 1),
        "validation": validation,
    }
    write_text(recipe.out / "result.json", json.dumps(result, indent=2) + "\n")
    return result


def _save_head(run: Run) -> None:
    """The classifier, so that the network can teach with it (ProxylessKD)."""
    centres = run.objective.head.class_centres() if run.objective.head is not None else None
    if centres is not None:
        names = json.dumps(run.sets.labelled.identities)
        write_tensors({"centres": centres}, run.recipe.out / "head.safetensors", {"identities": names})


def _loader(recipe: Recipe, sets: Sets) -> Loader:
    return Loader(
        sets.training,
        Views(**checked(Views, recipe.data.views, where="data.views")),
        batch=recipe.training.batch,
        seed=recipe.seed,
        workers=recipe.data.workers,
        rank=dist.rank(),
        world=dist.world(),
    )


def _learners(recipe: Recipe, objective: Objective, loader: Loader, device: torch.device) -> tuple[Learners, Step]:
    training = recipe.training
    if training.channels_last:
        objective.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = training.epochs * len(loader)
    optimiser = _chosen("optimiser", recipe, groups=parameter_groups(objective.parts(), recipe.lr_scale))
    schedule = _chosen("schedule", recipe, steps=steps, epochs=training.epochs)
    averaged = None
    if training.ema_decay:
        averaged = AveragedModel(
            objective.model, multi_avg_fn=get_ema_multi_avg_fn(training.ema_decay), use_buffers=True
        )
    step = Step(
        objective=dist.shared(objective),
        weights=Weights(recipe.weights, recipe.ramp),
        optimiser=optimiser,
        schedule=schedule,
        steps=steps,
        clip_norm=training.clip_norm,
        device=device,
        bf16=training.precision == "bf16",
        channels_last=training.channels_last,
        after=(lambda: averaged.update_parameters(objective.model)) if averaged is not None else (lambda: None),
    )
    return Learners(objective, optimiser, averaged), step


def _chosen(key: str, recipe: Recipe, **context: Any) -> Any:
    name, options = one(getattr(recipe, key), key)
    return call(TABLES[key][name], options, where=name, **context)


def _check_folder(folder: Path, resume: bool) -> None:
    if folder.exists() and not resume:
        raise UserError(f"{folder} exists and is never overwritten; go on with --resume, or choose another out=.")


def _open_folder(run: Run) -> list[Log]:
    folder = run.recipe.out
    board = [TensorBoard(folder / "tensorboard")] if run.recipe.training.tensorboard else []
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.yaml", dump_recipe(run.recipe))
    write_text(folder / "environment.json", json.dumps(_environment(run.step.device), indent=2) + "\n")
    return [JsonLines(folder / "metrics.jsonl"), *board]


def _environment(device: torch.device) -> dict[str, Any]:
    packages = ("facedistill", "torch", "numpy", "opencv-python-headless", "safetensors")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version(name) for name in packages},
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor(),
        "threads": torch.get_num_threads(),
        "processes": dist.world(),
    }


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


def _rehearse(run: Run) -> None:
    """One forward pass over two faces, so that what does not fit is said before anything is written."""
    images, batch = next(iter(in_order(run.sets.training, batch=2)))
    device = run.step.device
    run.objective.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        terms = run.objective(images.to(device), on_device(batch, device, 0.0))
    run.step.weights.check(terms)
