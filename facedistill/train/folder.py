"""The folder of a run: what it opens with, and what is kept of it.

<run>/config.yaml         resolved            environment.json   versions, device, threads
      metrics.jsonl       every epoch         checkpoints/       to resume from
      model.safetensors   the network         head.safetensors   its classifier
      snapshots/          the network after some of the epochs, where asked for
      replay/             the step at which a loss was no number, where one was
      result.json         how it ended
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .. import dist
from ..backbones.load import SNAPSHOTS, save_backbone, write_tensors
from ..config import dump_recipe
from ..errors import UserError
from ..files import write_text
from .log import JsonLines, Log, TensorBoard
from .prepare import Run


def check_free(folder: Path) -> None:
    """Refuse a folder that exists."""
    if folder.exists():
        raise UserError(f"{folder} exists and is never overwritten; go on with --resume, or choose another out=.")


def open_folder(run: Run, done: int) -> list[Log]:
    """Say what is about to be done and where, and open the logs, which hold the first ``done`` steps."""
    folder = run.recipe.out
    board = [TensorBoard(folder / "tensorboard")] if run.recipe.training.tensorboard else []
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.yaml", dump_recipe(run.recipe))
    write_text(folder / "environment.json", json.dumps(_environment(run), indent=2) + "\n")
    return [JsonLines(folder / "metrics.jsonl", done), *board]


def _environment(run: Run) -> dict[str, Any]:
    device = run.step.device
    packages = ("facedistill", "torch", "numpy", "opencv-python-headless", "safetensors")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version(name) for name in packages},
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor(),
        "threads": torch.get_num_threads(),
        "processes": dist.world(),
        "speed": run.chosen.speed.model_dump(),
    }


def keep_snapshot(run: Run, epoch: int) -> None:
    """Keep the network after ``epoch`` epochs, where it is one of those asked for. Every process must call it."""
    every = run.recipe.training.snapshot_every
    if not every or epoch % every:
        return
    model = run.model
    if dist.rank() == 0:
        folder = run.recipe.out / SNAPSHOTS
        folder.mkdir(exist_ok=True)
        save_backbone(model, run.recipe.model, folder / f"{epoch:04d}.safetensors")


def finish(run: Run, validation: dict[str, float], seconds: float) -> dict[str, Any]:
    """Keep the network and its classifier, and say how it ended; nothing is returned but in the first process.

    Every process must call it.
    """
    recipe, model, head = run.recipe, run.model, run.objective.head
    centres = None if head is None else head.class_centres()
    if dist.rank() != 0:
        return {}
    save_backbone(model, recipe.model, recipe.out / "model.safetensors")
    if centres is not None:
        _save_head(run, centres)
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


def _save_head(run: Run, centres: Float[Tensor, "K D"]) -> None:
    """The classifier, so that the network can teach with it (ProxylessKD)."""
    names = json.dumps(run.sets.labelled.identities)
    write_tensors({"centres": centres}, run.recipe.out / "head.safetensors", {"identities": names})
