"""Full disks, kills and values that are no numbers: the last good checkpoint stays."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from said import Call

from facedistill.errors import UserError
from facedistill.recipe import Recipe
from facedistill.train import checkpoint, room, run
from facedistill.train.checkpoint import CannotSave, Progress, checkpoints, restore, save
from facedistill.train.objective import Weights
from facedistill.train.state import Learners
from facedistill.train.step import NonFiniteLoss, Step
from facedistill.types import Terms

HERE = Path(__file__).parent


def learners(value: float = 0.0) -> Learners:
    """Weights of 4 kB, and an optimiser's state of twice that; random numbers take 5 kB."""
    module = torch.nn.Linear(32, 32)
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.0)
    module(torch.ones(1, 32)).sum().backward()
    optimiser.step()
    with torch.no_grad():
        module.weight.fill_(value)
    return Learners(module, optimiser, None)


def test_200_kills_in_the_midst_of_saves_lose_nothing_that_was_saved(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "kills.py"), str(tmp_path), "200"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout.split()[2]) > 20, f"kills must meet saves: {ended.stdout}"


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Writes beyond ``size`` bytes of a file fail, after those before it have been made."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100, 3000, 4600, 6000, 8000])
def test_a_disk_that_refuses_leaves_the_last_checkpoint_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(checkpoint, "TRY_AGAIN_S", (0.0, 0.0))
    save(tmp_path, learners(1.0), Progress(1), {})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with files_end_at(size), pytest.raises(CannotSave, match=r"epoch-0002.*epoch-0001 is kept; make room") as error:
        save(tmp_path, learners(2.0), Progress(2), {})
    assert error.value.exit_code == 1
    assert "\n" not in str(error.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001"]
    save(tmp_path, learners(2.0), Progress(2), {})
    held = learners()
    assert restore(tmp_path, held, lambda setting: None).epochs == 2
    assert bool((held.objective.weight == 2).all())


def test_a_disk_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody makes room while it waits."""
    waited: list[float] = []
    monkeypatch.setattr(checkpoint.time, "sleep", waited.append)
    fill, refusals = checkpoint._fill, [OSError(28, "No space left on device")] * 2

    def full_at_first(*given: object) -> None:
        fill(*given)
        if refusals:
            raise refusals.pop()

    monkeypatch.setattr(checkpoint, "_fill", full_at_first)
    save(tmp_path, learners(), Progress(1), {})
    assert waited == [1.0, 10.0]
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001"]


def test_a_run_that_the_disk_has_no_room_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_faces(tmp_path / "faces")
    recipe = tiny.recipe(tmp_path / "faces", tmp_path / "run", training={"epochs": 2, "ema_decay": 0.9})
    asked = room.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: asked._replace(free=20_000))
    with pytest.raises(UserError, match=r"checkpoints need \d\.\d+ GB: 2 of .*make room"):
        run.fit(recipe)
    assert not recipe.out.exists()
    monkeypatch.undo()
    run.fit(recipe)
    one = sum(file.stat().st_size for file in checkpoints(recipe.out / "checkpoints")[0].glob("[oa]*.safetensors"))
    held = run.prepare(recipe.model_copy(update={"out": tmp_path / "other"})).learners
    assert room.checkpoint_bytes(held) == pytest.approx(one, rel=0.5), "SGD keeps half of what is asked for"


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, str]:
    """A run whose fifth step, the second of the second epoch, has a loss that is no number; and what it said."""
    folder = tmp_path_factory.mktemp("spoiled")
    tiny.write_faces(folder / "faces")
    recipe = tiny.recipe(folder / "faces", folder / "run", model={"vit": {**tiny.VIT["vit"], "drop_path": 0.3}})
    total, calls = Weights.total, []

    def spoiling(self: Weights, terms: Terms, progress: float) -> torch.Tensor:
        calls.append(progress)
        return total(self, terms, progress) * (float("nan") if len(calls) == 5 else 1.0)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Weights, "total", spoiling)
        with pytest.raises(NonFiniteLoss) as error:
            run.fit(recipe)
    return recipe, str(error.value)


def test_a_loss_that_is_no_number_leaves_a_step_to_take_again(spoiled: tuple[Recipe, str], call: Call) -> None:
    out, said = spoiled[0].out, spoiled[1]
    bundle = out / "replay" / "epoch-0001-step-000001"
    assert f"facedistill replay {bundle}" in said
    told = json.loads((bundle / "rank-0.json").read_text())
    assert told.keys() == {"seed", "terms", "epoch", "steps", "index", "view", "labels"}
    assert told["terms"]["loss"] == "nan"
    assert told["terms"]["margin"] > 0
    assert (told["epoch"], told["steps"], set(told["view"]), len(told["index"])) == (1, 1, {1}, 8)
    assert [saved.name for saved in checkpoints(out / "checkpoints")] == ["epoch-0001"]
    assert not (out / "model.safetensors").exists()

    again = call("replay", bundle, "--json")
    assert again.code == 0, "without the fault the step is a good one"
    seen = json.loads(again.out)
    assert seen["finite"]
    assert seen["terms"]["loss"] > 0


def test_the_kept_step_is_the_one_that_a_run_goes_on_with(
    spoiled: tuple[Recipe, str], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights, samples and random numbers."""
    recipe, _ = spoiled
    kept = json.loads(call("replay", recipe.out / "replay" / "epoch-0001-step-000001", "--json").out)
    losses: list[float] = []
    step = Step.__call__

    def noted(*given: Any) -> dict[str, float]:
        seen = step(*given)
        losses.append(seen["loss"])
        return seen

    monkeypatch.setattr(Step, "__call__", noted)
    run.fit(recipe, resume=True)
    assert losses[1] == kept["terms"]["loss"], "the first of the epoch was a good one"


def test_a_step_that_fails_again_says_which_gradients(
    spoiled: tuple[Recipe, str], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = Weights.total
    monkeypatch.setattr(Weights, "total", lambda *given: (loss := total(*given)) + (loss - loss.detach()).sqrt())
    said = call("replay", spoiled[0].out / "replay" / "epoch-0001-step-000001", "--json")
    assert said.code == 1
    seen = json.loads(said.out)
    assert "the gradient is not finite" in seen["reason"]
    assert {seen["gradient_norms"][name] for name in seen["gradient_norms"]} >= {"nan"}
    assert "head.centres" in seen["gradient_norms"]


def test_a_damaged_step_is_refused(spoiled: tuple[Recipe, str], call: Call) -> None:
    bundle = spoiled[0].out / "replay" / "epoch-0001-step-000001"
    state = (bundle / "objective.safetensors").read_bytes()
    (bundle / "objective.safetensors").write_bytes(state[:-1])
    said = call("replay", bundle)
    (bundle / "objective.safetensors").write_bytes(state)
    assert (said.code, "is damaged: objective.safetensors" in said.error) == (2, True)


def test_what_is_no_kept_step_is_said(tmp_path: Path, call: Call) -> None:
    said = call("replay", tmp_path)
    assert (said.code, "is not a step that a run kept" in said.error) == (2, True)


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_faces(tmp_path / "faces")
    recipe = tiny.recipe(tmp_path / "faces", tmp_path / "run", training={"epochs": 2})
    train = run.train_epoch

    def overflowing(step: object, loader: object, epoch: int, **named: object) -> None:
        train(step, loader, epoch, **named)
        if epoch == 1:
            with torch.no_grad():
                step.optimiser.param_groups[0]["params"][0].mul_(float("inf"))

    monkeypatch.setattr(run, "train_epoch", overflowing)
    with pytest.raises(NonFiniteLoss, match="the weights are no longer finite, and are not saved"):
        run.fit(recipe)
    assert [saved.name for saved in checkpoints(recipe.out / "checkpoints")] == ["epoch-0001"]
    assert not (recipe.out / "model.safetensors").exists()
