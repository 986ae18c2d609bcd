"""A run that was stopped goes on as if it had not been; a checkpoint is there whole or not at all."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

from facedistill.errors import UserError
from facedistill.recipe import Recipe
from facedistill.train import checkpoint, run
from facedistill.train.checkpoint import CannotSave, Progress, checkpoints, restore, save
from facedistill.train.state import Learners, own_random_state, set_random_state

VIT = {"vit": {**tiny.VIT["vit"], "drop_path": 0.3}}
"""Its training draws random numbers."""


def recipe(folder: Path, out: str, **changes: Any) -> Recipe:
    """Two networks, prompts, local centres, a head and a moving average."""
    given = {
        "teacher": {"prompted": {"weights": folder / "teacher", "count": 2}},
        "method": {"cosine": {}, "urfm": {"centres": 4, "width": 8, "heads": 2}},
        "training": {"epochs": 4, "ema_decay": 0.9},
        "data": {"root": folder / "faces", "validation_identities": 2},
    }
    return tiny.recipe(folder / "faces", folder / out, **given, **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny.write_faces(folder / "faces")
    tiny.write_teacher(folder / "teacher")
    return folder


def tensors(out: Path) -> dict[str, torch.Tensor]:
    """Everything the last checkpoint and the trained network hold."""
    files = [*sorted((out / "checkpoints" / "epoch-0004").glob("*.safetensors")), out / "model.safetensors"]
    return {f"{file.stem}/{name}": value for file in files for name, value in load_file(file).items()}


def losses(out: Path) -> list[float]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.mark.parametrize(
    ("model", "optimiser"), [("tiny.net", {"sgd": {"lr": 0.05}}), (VIT, {"adamw": {"lr": 1e-3}})], ids=["sgd", "adamw"]
)
def test_stopped_inside_a_checkpoint_and_resumed_is_straight_through_bit_for_bit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, model: Any, optimiser: dict
) -> None:
    kind = next(iter(optimiser))
    changes = {"model": model, "optimiser": optimiser}
    straight = run.fit(recipe(folder, f"{kind}_straight", **changes))
    broken = recipe(folder, f"{kind}_broken", **changes)
    write, written = checkpoint.save_file, []

    def fail_in_the_third(tensors: dict, file: Path) -> None:
        if ".epoch-0003" in str(file) and written[-1:] == [".epoch-0003.partial"]:
            raise OSError(28, "No space left on device", str(file))
        written.append(file.parent.name)
        write(tensors, file)

    monkeypatch.setattr(checkpoint, "save_file", fail_in_the_third)
    monkeypatch.setattr(checkpoint, "TRY_AGAIN_S", ())
    with pytest.raises(CannotSave, match=r"Cannot save epoch-0003 .*No space left.*epoch-0002 is kept"):
        run.fit(broken)
    monkeypatch.undo()
    assert checkpoints(broken.out / "checkpoints")[0].name == "epoch-0002"
    assert not (broken.out / "model.safetensors").exists()

    resumed = run.fit(broken, resume=True)
    expected, found = tensors(folder / f"{kind}_straight"), tensors(broken.out)
    assert {name.partition("/")[0] for name in expected} == {
        "objective", "optimiser", "averaged", "random", "model",
    }  # fmt: skip
    assert {name.split("/")[1].split(".")[0] for name in expected if name.startswith("objective/")} == {
        "model", "head", "methods", "teacher",
    }  # fmt: skip
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert losses(broken.out)[-2:] == losses(folder / f"{kind}_straight")[-2:]
    assert resumed["validation"] == straight["validation"]
    assert not list((broken.out / "checkpoints").glob(".*.partial")), "what was left over is gone"


def learners(width: int = 3) -> Learners:
    module = torch.nn.Linear(width, 2)
    return Learners(module, torch.optim.SGD(module.parameters(), lr=0.1), None)


def saved(folder: Path, epochs: int, training_s: float = 1.0) -> Learners:
    kept = learners()
    save(folder, kept, Progress(epochs, training_s), {"faces": 24})
    return kept


def whatever(setting: Mapping[str, int]) -> None:
    assert setting == {"faces": 24}


def test_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for epoch in (*range(1, 4), 9999, 10000):
        saved(tmp_path, epoch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-10000", "epoch-9999"]


def test_restore_says_how_far_it_came(tmp_path: Path) -> None:
    before, after = saved(tmp_path, 7, 12.5), learners()
    assert restore(tmp_path, after, whatever) == Progress(7, 12.5)
    assert torch.equal(before.objective.weight, after.objective.weight)


def test_another_network_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    with pytest.raises(UserError, match="written by another recipe") as error:
        restore(tmp_path, learners(width=4), whatever)
    assert "\n" not in str(error.value)


def test_another_setting_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    after = learners()
    before = after.objective.weight.clone()

    def refuse(setting: Mapping[str, int]) -> None:
        raise UserError(f"not {setting['faces']}")

    with pytest.raises(UserError, match="not 24"):
        restore(tmp_path, after, refuse)
    assert torch.equal(before, after.objective.weight)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def flip(file: Path) -> None:
    """One bit, in the middle."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("harm", [cut, flip, Path.unlink], ids=["cut", "flipped", "gone"])
@pytest.mark.parametrize(
    "name", ["objective.safetensors", "optimiser.safetensors", "random.safetensors", "state.json", "manifest.json"]
)
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, name: str, harm: Callable[[Path], None]) -> None:
    older = saved(tmp_path, 1)
    saved(tmp_path, 2)
    harm(tmp_path / "epoch-0002" / name)
    after = learners()
    progress = restore(tmp_path, after, whatever)
    assert progress.epochs == 1
    assert "epoch-0002 is damaged" in progress.damaged[0]
    assert torch.equal(older.objective.weight, after.objective.weight)


def test_nothing_but_damaged_checkpoints_is_said(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    flip(tmp_path / "epoch-0001" / "objective.safetensors")
    with pytest.raises(
        UserError, match=r"epoch-0001 is damaged: objective\.safetensors is not what was written"
    ) as error:
        restore(tmp_path, learners(), whatever)
    assert "\n" not in str(error.value)


def test_a_checkpoint_reaches_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file, then their folder, then the name; a power cut at any time leaves one that is whole."""
    order: list[str] = []
    sync, rename = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        order.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)
        sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        order.append(f"-> {Path(target).name}")
        rename(source, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to ask which file a descriptor is")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    saved(tmp_path / "checkpoints", 1)
    files = {path.name for path in (tmp_path / "checkpoints" / "epoch-0001").iterdir()}
    assert set(order[:-3]) == files
    assert order[-3:] == [".epoch-0001.partial", "-> epoch-0001", "checkpoints"]


def test_no_checkpoint_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint in"):
        restore(tmp_path / "checkpoints", learners(), whatever)


@pytest.mark.parametrize("process", [0, 1, 2])
def test_every_process_gets_its_own_random_numbers_again(monkeypatch: pytest.MonkeyPatch, process: int) -> None:
    rows, drawn = [], []
    with torch.random.fork_rng():
        for seed in range(3):
            torch.manual_seed(seed)
            rows.append(torch.get_rng_state())
            drawn.append(torch.rand(7))
        monkeypatch.setattr("facedistill.dist.rank", lambda: process)
        set_random_state(own_random_state({"cpu": torch.stack(rows)}))
        assert torch.equal(torch.rand(7), drawn[process])
