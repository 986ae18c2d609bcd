"""Checkpoints: everything a run needs to go on as if it had never stopped. Tensors are safetensors, the rest is JSON.

checkpoints/epoch-0004/                 after four epochs; epoch-0004-step-000120 after 120 steps of the fifth
            objective.safetensors  optimiser.safetensors  averaged.safetensors  random.safetensors
            state.json  manifest.json
            parts/              where several processes share the classifier: the rows of each
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .. import dist
from ..errors import UserError, one_line
from .manifest import damage, seal, to_disk
from .parts import FOLDER, Tables
from .state import Learners, everyones_random_state, flat, own_random_state, set_random_state, tensors_of, unflat

Check = Callable[[Mapping[str, int]], None]
"""Refuses another setting than the one that was saved."""

TRY_AGAIN_S = (1.0, 10.0, 60.0)
"""How long to wait for a disk, time after time: somebody may make room."""
REFUSALS = (OSError, SafetensorError)
KEPT = 2


class CannotSave(UserError):
    """The disk does not take a checkpoint; those before it are whole."""

    exit_code = 1


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    epochs: int = 0
    """Whole ones."""
    training_s: float = 0.0
    """Spent on them, over all sessions."""
    damaged: tuple[str, ...] = ()
    """Newer checkpoints that could not be used, and why."""
    steps: int = 0
    """Of the epoch after them."""
    seen: Mapping[str, Any] = field(default_factory=dict)
    """What the meter of that epoch has read."""

    @property
    def name(self) -> str:
        return f"epoch-{self.epochs:04d}" + (f"-step-{self.steps:06d}" if self.steps else "")


def save(folder: Path, learners: Learners, progress: Progress, setting: Mapping[str, int]) -> None:
    """Write a checkpoint; it appears complete or not at all, and the two newest are kept. Every process must call it.

    Args:
        setting: what must be the same when the run goes on; ``restore`` hands it back to be checked.

    Raises:
        CannotSave: the disk refused, time after time.
    """
    random = everyones_random_state()
    about = {"epochs": progress.epochs, "steps": progress.steps, "seen": dict(progress.seen)}
    about |= {"training_s": progress.training_s, "setting": dict(setting)}
    try:
        _insistently(lambda: _write(folder, progress.name, learners, random, about))
    except REFUSALS as error:
        raise _refused(folder, progress, error) from None


def _insistently(write: Callable[[], None]) -> None:
    for wait_s in TRY_AGAIN_S:
        try:
            return write()
        except REFUSALS:
            time.sleep(wait_s)
    return write()


def _write(folder: Path, name: str, learners: Learners, random: dict[str, Tensor], about: Mapping[str, Any]) -> None:
    final, partial, tables = folder / name, folder / f".{name}.partial", Tables(learners.objective, learners.optimiser)
    whole, parts = tables.split()
    try:
        _first_process(
            lambda: _fill(partial, learners, {**_by_file(whole), "random": random}, {**about, "parts": list(parts)})
        )
        if parts:
            tables.write(partial / FOLDER, parts)
        _first_process(lambda: _appear(partial, final))
    except BaseException:
        if dist.rank() == 0:
            shutil.rmtree(partial, ignore_errors=True)  # on a full disk every byte counts
        raise


def _first_process(write: Callable[[], None]) -> None:
    """Have the first process write while the others wait; what the disk refuses one it refuses all."""
    refused: Exception | None = None
    if dist.rank() == 0:
        try:
            write()
        except REFUSALS as error:
            refused = error
    (failed,) = dist.anyone(refused is not None)
    if failed:
        raise refused or OSError("the first process could not write")


def _fill(partial: Path, learners: Learners, files: Mapping[str, dict[str, Tensor]], about: Mapping[str, Any]) -> None:
    for left in partial.parent.glob(".*.partial"):
        shutil.rmtree(left)
    partial.mkdir(parents=True)
    if learners.averaged is not None:
        files = {**files, "averaged": tensors_of(learners.averaged)}
    for name, tensors in files.items():
        save_file(tensors, partial / f"{name}.safetensors")
    (partial / "state.json").write_text(json.dumps({**about, "optimiser": flat(learners.optimiser)[1]}))


def _by_file(whole: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """``<file>.<name>`` by file and name."""
    files: dict[str, dict[str, Tensor]] = {"objective": {}, "optimiser": {}}
    for key, tensor in whole.items():
        file, name = key.split(".", 1)
        files[file][name] = tensor
    return files


def _appear(partial: Path, final: Path) -> None:
    seal(partial)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    to_disk(final.parent)
    for old in checkpoints(final.parent)[KEPT:]:
        shutil.rmtree(old)


def _refused(folder: Path, progress: Progress, error: Exception) -> CannotSave:
    kept = checkpoints(folder)
    last = f"{kept[0].name} is kept" if kept else "there is none before it"
    reason = one_line(error)
    return CannotSave(f"Cannot save {progress.name} in {folder}: {reason}; {last}; make room and go on with --resume.")


def checkpoints(folder: Path) -> list[Path]:
    """What was saved in ``folder``, the newest first."""
    return sorted(folder.glob("epoch-*"), key=_place, reverse=True)


def _place(saved: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", saved.name)]


def setting_of(folder: Path) -> Mapping[str, int]:
    """What was the same in all checkpoints of ``folder``; nothing where there is none to be read."""
    for saved in checkpoints(folder):
        try:
            setting: Mapping[str, int] = json.loads((saved / "state.json").read_text())["setting"]
        except (OSError, ValueError, KeyError):
            continue  # damaged, as restore will find
        return setting
    return {}


def restore(folder: Path, learners: Learners, check: Check) -> Progress:
    """Load the newest checkpoint that is whole, and say how far it came.

    Raises:
        UserError: there is none, none is whole, or it belongs to another recipe.
    """
    reasons: list[str] = []
    for saved in checkpoints(folder):
        reason = damage(saved)
        if reason is None:
            return load(saved, learners, check, tuple(reasons))
        reasons.append(f"{saved} is damaged: {reason}")
    if reasons:
        raise UserError(f"{'; '.join(reasons)}; remove {folder.parent} and start without --resume.")
    raise UserError(f"There is no checkpoint in {folder} yet; remove {folder.parent} and start without --resume.")


def load(saved: Path, learners: Learners, check: Check, damaged: tuple[str, ...] = ()) -> Progress:
    """Make ``learners``, and the random numbers to come, what they were when ``saved`` was written.

    Args:
        check: asked before anything is loaded.

    Raises:
        UserError: it belongs to another recipe.
    """
    state = json.loads((saved / "state.json").read_text())
    check(state["setting"])
    try:
        files = tensors_in(saved, Tables(learners.objective, learners.optimiser))
        learners.objective.load_state_dict(files["objective"])
        if learners.averaged is not None:
            learners.averaged.load_state_dict(load_file(saved / "averaged.safetensors"))
        unflat(learners.optimiser, files["optimiser"], state["optimiser"])
        set_random_state(own_random_state(load_file(saved / "random.safetensors")))
    except (RuntimeError, OSError, ValueError, SafetensorError) as error:
        reason = one_line(error)
        raise UserError(f"{saved} was written by another recipe: {reason}") from None
    return Progress(state["epochs"], state["training_s"], damaged, state.get("steps", 0), state.get("seen", {}))


def tensors_in(
    saved: Path, tables: Tables, kept: Sequence[str] = ("objective", "optimiser")
) -> dict[str, dict[str, Tensor]]:
    """What this process is to hold of a checkpoint, by file and name. Every process must call it."""
    whole = {
        f"{file}.{name}": tensor for file in kept for name, tensor in load_file(saved / f"{file}.safetensors").items()
    }
    shared = json.loads((saved / "state.json").read_text()).get("parts", [])
    parts = [name for name in shared if name.partition(".")[0] in kept]
    return _by_file({**tables.own(whole), **(tables.read(saved / FOLDER, parts) if parts else {})})
