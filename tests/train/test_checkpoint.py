"""A run that was stopped goes on as if it had not been; a checkpoint is there whole or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

from facedistill.config import Recipe
from facedistill.errors import UserError
from facedistill.train import checkpoint, run
from facedistill.train.checkpoint import Learners, restore, save

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
    with pytest.raises(OSError, match="No space left"):
        run.fit(broken)
    monkeypatch.undo()
    assert (broken.out / "checkpoints" / "last").read_text() == "epoch-0002"
    assert not (broken.out / "checkpoints" / "epoch-0003").exists()
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


def test_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for epoch in range(1, 5):
        save(tmp_path, learners(), epoch=epoch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0003", "epoch-0004", "last"]


def test_restore_says_how_far_it_came(tmp_path: Path) -> None:
    before = learners()
    save(tmp_path, before, epoch=7)
    after = learners()
    assert restore(tmp_path, after) == 7
    assert torch.equal(before.objective.weight, after.objective.weight)


def test_another_network_is_refused(tmp_path: Path) -> None:
    save(tmp_path, learners(), epoch=1)
    with pytest.raises(UserError, match="written by another recipe") as error:
        restore(tmp_path, learners(width=4))
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    save(tmp_path, learners(), epoch=1)
    file = tmp_path / "epoch-0001" / "objective.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(UserError, match="epoch-0001 is damaged"):
        restore(tmp_path, learners())


def test_no_checkpoint_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint in"):
        restore(tmp_path / "checkpoints", learners())
