"""Checkpoints: everything a run needs to go on as if it had never stopped. Tensors are safetensors, the rest is JSON.

checkpoints/epoch-0004/   objective.safetensors  optimiser.safetensors  averaged.safetensors  random.safetensors
                          state.json  manifest.json
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import UserError
from .manifest import damage, seal, to_disk


@dataclass(frozen=True)
class Learners:
    """Whatever changes while training."""

    objective: nn.Module
    optimiser: Optimizer
    averaged: nn.Module | None
    """Moving average of the model, if kept."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    epochs: int = 0
    """Whole ones."""
    training_s: float = 0.0
    """Spent on them, over all sessions."""
    damaged: tuple[str, ...] = ()
    """Newer checkpoints that could not be used, and why."""


def save(folder: Path, learners: Learners, progress: Progress, setting: Mapping[str, int]) -> None:
    """Write a checkpoint; it appears complete or not at all, and the two newest are kept.

    Args:
        setting: what must be the same when the run goes on; ``restore`` hands it back to be checked.
    """
    final = folder / f"epoch-{progress.epochs:04d}"
    partial = folder / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(_own(learners.objective), partial / "objective.safetensors")
    tensors, scalars = _flat(learners.optimiser)
    save_file(tensors, partial / "optimiser.safetensors")
    save_file(_random_state(), partial / "random.safetensors")
    if learners.averaged is not None:
        save_file(_own(learners.averaged), partial / "averaged.safetensors")
    about = {"epochs": progress.epochs, "training_s": progress.training_s, "setting": dict(setting)}
    (partial / "state.json").write_text(json.dumps({**about, "optimiser": scalars}))
    seal(partial)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    to_disk(folder)
    for old in checkpoints(folder)[2:]:
        shutil.rmtree(old)


def checkpoints(folder: Path) -> list[Path]:
    """What was saved in ``folder``, the newest first."""
    return sorted(folder.glob("epoch-*"), key=lambda saved: int(saved.name.partition("-")[2]), reverse=True)


def restore(folder: Path, learners: Learners, check: Callable[[Mapping[str, int]], None]) -> Progress:
    """Load the newest checkpoint that is whole, and say how far it came.

    Args:
        check: refuses another setting than the one that was saved, before anything is loaded.

    Raises:
        UserError: there is none, none is whole, or it belongs to another recipe.
    """
    whole, damaged = _newest(folder)
    state = json.loads((whole / "state.json").read_text())
    check(state["setting"])
    try:
        _restore(whole, learners, state["optimiser"])
    except (RuntimeError, OSError, ValueError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{whole} was written by another recipe: {reason}") from None
    return Progress(state["epochs"], state["training_s"], damaged)


def _newest(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The newest whole checkpoint, and what is wrong with those after it."""
    reasons: list[str] = []
    for saved in checkpoints(folder):
        reason = damage(saved)
        if reason is None:
            return saved, tuple(reasons)
        reasons.append(f"{saved} is damaged: {reason}")
    if reasons:
        raise UserError(f"{'; '.join(reasons)}; remove {folder.parent} and start without --resume.")
    raise UserError(f"There is no checkpoint in {folder} yet; remove {folder.parent} and start without --resume.")


def _restore(saved: Path, learners: Learners, scalars: dict[str, float]) -> None:
    _load(learners.objective, saved / "objective.safetensors")
    if learners.averaged is not None:
        _load(learners.averaged, saved / "averaged.safetensors")
    _unflat(learners.optimiser, load_file(saved / "optimiser.safetensors"), scalars)
    _set_random_state(load_file(saved / "random.safetensors"))


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
