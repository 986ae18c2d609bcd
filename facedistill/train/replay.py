"""A step whose loss or gradient was no number, kept so that it can be taken again.

replay/epoch-0002-step-000017/   a checkpoint from before the step: weights, buffers, optimiser, random numbers
                                 rank-0.json: samples, views, seed, terms, norms of gradients; no pixels
"""

import json
import math
from pathlib import Path
from typing import Any

from .. import dist
from ..config import load_recipe
from ..errors import UserError
from ..files import write_text
from .checkpoint import CannotSave, Progress, load, save, setting_of
from .loop import on_device
from .manifest import damage
from .prepare import Run, prepare
from .resume import check_setting
from .step import NonFiniteLoss


def keep_replay(run: Run, error: NonFiniteLoss) -> NonFiniteLoss:
    """Write the step at which ``error`` came, which all processes met, and say where it lies."""
    seen, folder = error.evidence, run.recipe.out / "replay"
    before = Progress(seen["epoch"], steps=seen["steps"])
    try:
        save(folder, run.learners, before, run.setting)
    except CannotSave:
        return error  # the reason why the run ends is another one
    dist.wait_for_all()
    about = {"seed": run.recipe.seed, **seen}
    write_text(folder / before.name / f"rank-{dist.rank()}.json", json.dumps(_said(about), indent=2) + "\n")
    return NonFiniteLoss(f"{error} To take that step again: facedistill replay {folder / before.name}", seen)


def replay(bundle: Path) -> dict[str, Any]:
    """Take a kept step again, in one process with the samples of all, and say what came of it; nothing is written.

    Raises:
        UserError: it is not such a step, is damaged, or the faces are others.
    """
    if not (bundle / "state.json").is_file():
        raise UserError(f"{bundle} is not a step that a run kept; give a folder below <run>/replay.")
    if (reason := damage(bundle)) is not None:
        raise UserError(f"{bundle} is damaged: {reason}.")
    out = bundle.absolute().parent.parent
    recipe = load_recipe(out / "config.yaml").model_copy(update={"out": out})
    run = prepare(recipe, processes=setting_of(bundle.parent)["processes"])
    done = load(bundle, run.learners, lambda began: check_setting(began, run.setting, out))
    return _said({"epoch": done.epochs, "steps": done.steps, **_taken(run, done)})


def _taken(run: Run, done: Progress) -> dict[str, Any]:
    number = done.epochs * len(run.loader) + done.steps
    images, batch = next(run.loader.epoch(done.epochs, done.steps))
    run.objective.train()
    try:
        terms = run.step(number, images, on_device(batch, run.step.device, number / run.step.steps))
    except NonFiniteLoss as error:
        return {"finite": False, "reason": str(error), **error.evidence}
    return {"finite": True, "terms": terms}


def _said(value: Any) -> Any:
    """The same with words for what JSON has no numbers for."""
    if isinstance(value, dict):
        return {name: _said(inner) for name, inner in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
