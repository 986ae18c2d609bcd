"""Checkpoints: everything a run needs to go on as if it had never stopped. Tensors are safetensors, the rest is JSON.

checkpoints/epoch-0004/   objective.safetensors  optimiser.safetensors  averaged.safetensors  random.safetensors
                          state.json
checkpoints/last          the name of the newest complete one
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import UserError


@dataclass(frozen=True)
class Learners:
    """Whatever changes while training."""

    objective: nn.Module
    optimiser: Optimizer
    averaged: nn.Module | None
    """Moving average of the model, if kept."""


def save(folder: Path, learners: Learners, *, epoch: int) -> None:
    """Write a checkpoint after ``epoch`` whole epochs; it appears complete or not at all."""
    final = folder / f"epoch-{epoch:04d}"
    partial = folder / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(_own(learners.objective), partial / "objective.safetensors")
    tensors, scalars = _flat(learners.optimiser)
    save_file(tensors, partial / "optimiser.safetensors")
    save_file(_random_state(), partial / "random.safetensors")
    if learners.averaged is not None:
        save_file(_own(learners.averaged), partial / "averaged.safetensors")
    (partial / "state.json").write_text(json.dumps({"epoch": epoch, "optimiser": scalars}))
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    write_text(folder / "last", final.name)
    for old in sorted(folder.glob("epoch-*"))[:-2]:
        shutil.rmtree(old)


def restore(folder: Path, learners: Learners) -> int:
    """Load the newest checkpoint and say how many epochs are done.

    Raises:
        UserError: there is none, or it belongs to another recipe.
    """
    if not (folder / "last").is_file():
        raise UserError(f"There is no checkpoint in {folder} yet; remove {folder.parent} and start without --resume.")
    newest = folder / (folder / "last").read_text().strip()
    try:
        return _restore(newest, learners)
    except (RuntimeError, OSError, ValueError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{newest} is damaged, or was written by another recipe: {reason}") from None


def _restore(newest: Path, learners: Learners) -> int:
    state = json.loads((newest / "state.json").read_text())
    _load(learners.objective, newest / "objective.safetensors")
    if learners.averaged is not None:
        _load(learners.averaged, newest / "averaged.safetensors")
    _unflat(learners.optimiser, load_file(newest / "optimiser.safetensors"), state["optimiser"])
    _set_random_state(load_file(newest / "random.safetensors"))
    return int(state["epoch"])


def write_text(path: Path, text: str) -> None:
    """Replace a small file in one go."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    os.replace(partial, path)


def _own(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}


def _load(module: nn.Module, file: Path) -> None:
    module.load_state_dict(load_file(file))


def _flat(optimiser: Optimizer) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Optimiser state as named tensors and numbers: ``<parameter number>.<name>``."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, float] = {}
    for number, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{number}.{name}"] = value.contiguous()
            elif value is not None:
                scalars[f"{number}.{name}"] = value
    return tensors, scalars


def _unflat(optimiser: Optimizer, tensors: dict[str, Tensor], scalars: dict[str, float]) -> None:
    state: dict[int, dict[str, Tensor | float]] = {}
    values: dict[str, Tensor | float] = {**tensors, **scalars}
    for key, value in values.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _random_state() -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _set_random_state(state: dict[str, Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
