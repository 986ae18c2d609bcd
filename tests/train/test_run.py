"""From a recipe to a run folder."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

from facedistill.backbones.load import load_backbone
from facedistill.config import dump_recipe, load_recipe
from facedistill.errors import UserError
from facedistill.evaluate.embeddings import lengths
from facedistill.recipe import Recipe
from facedistill.train import run
from facedistill.train.assemble import resolve
from facedistill.train.step import NonFiniteLoss


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    tiny.write_faces(folder / "faces")
    tiny.write_teacher(folder / "teacher")
    return folder


def recipe(folder: Path, out: str, **changes: Any) -> Recipe:
    return tiny.recipe(folder / "faces", folder / out, **changes)


def distilled(folder: Path, out: str) -> Recipe:
    """A student of eight with prompts, local centres and a projector beside it."""
    return recipe(
        folder,
        out,
        teacher={"prompted": {"weights": folder / "teacher", "count": 2}},
        method={"cosine": {}, "urfm": {"centres": 4, "width": 8, "heads": 2}},
        data={"root": folder / "faces", "validation_identities": 2},
        training={"epochs": 3, "validate_every": 2},
        weights={"cosine.embedding": 2},
        ramp={"urfm.feature": 0.5},
        lr_scale={"teacher": 0.1},
    )


@pytest.fixture(scope="module")
def done(folder: Path) -> tuple[Recipe, dict[str, Any]]:
    wanted = distilled(folder, "distilled")
    return wanted, run.fit(wanted)


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def losses(out: Path) -> list[dict[str, float]]:
    """What was learned, without how fast."""
    timed = {"images_per_s", "data_wait"}
    return [{name: value for name, value in line.items() if name not in timed} for line in lines(out)]


def test_the_folder_holds_what_it_says(done: tuple[Recipe, dict]) -> None:
    names = {path.name for path in done[0].out.iterdir()}
    assert names == {
        "config.yaml", "environment.json", "metrics.jsonl", "checkpoints", "model.safetensors", "head.safetensors",
        "result.json",
    }  # fmt: skip


def test_the_resolved_recipe_is_the_recipe(done: tuple[Recipe, dict]) -> None:
    again = load_recipe(done[0].out / "config.yaml")
    assert dump_recipe(again) == dump_recipe(resolve(done[0]))
    assert dump_recipe(resolve(again)) == dump_recipe(again)
    assert again.optimiser["sgd"]["momentum"] == 0.9, "defaults are written out"


def test_the_environment_is_told(done: tuple[Recipe, dict]) -> None:
    told = json.loads((done[0].out / "environment.json").read_text())
    assert told.keys() == {
        "python", "platform", "packages", "device", "device_name", "threads", "processes", "speed",
    }  # fmt: skip
    assert told["packages"]["torch"] == torch.__version__
    assert told["processes"] == 1


def test_every_epoch_and_every_look_is_a_line(done: tuple[Recipe, dict]) -> None:
    trained = [line for line in lines(done[0].out) if "loss" in line]
    looked = [line for line in lines(done[0].out) if "balanced_accuracy" in line]
    assert [(line["epoch"], line["step"]) for line in trained] == [(1, 2), (2, 4), (3, 6)]
    assert [line["epoch"] for line in looked] == [2, 3], "every second epoch, and the last"
    assert trained[0].keys() >= {
        "margin", "cosine.embedding", "urfm.attention", "urfm.feature", "urfm.classify", "teacher.discrimination", "lr",
        "images_per_s", "data_wait", "gradient_norm",
    }  # fmt: skip


def test_the_result_is_on_disk(done: tuple[Recipe, dict]) -> None:
    wanted, result = done
    assert json.loads((wanted.out / "result.json").read_text()) == json.loads(json.dumps(result))
    assert (result["identities"], result["images"], result["epochs"]) == (4, 16, 3), "two of six identities kept out"
    last = lines(wanted.out)[-1]
    assert result["validation"] == {name: last[name] for name in result["validation"]}


def test_the_student_takes_nothing_of_its_lessons_along(done: tuple[Recipe, dict]) -> None:
    tensors = load_file(done[0].out / "model.safetensors")
    assert tensors.keys() == tiny.net().state_dict().keys()
    student = load_backbone(done[0].out).eval()
    assert student.spec.embedding == 8
    assert student(tiny.images(2)).embedding.shape == (2, 8)


def test_the_head_is_kept_for_whoever_inherits_it(done: tuple[Recipe, dict], folder: Path) -> None:
    assert load_file(done[0].out / "head.safetensors")["centres"].shape == (4, 8)
    heir = recipe(
        folder,
        "heir",
        head="inherited",
        teacher={"live": {"weights": done[0].out}},
        data={"root": folder / "faces", "validation_identities": 2},
        training={"epochs": 1},
    )
    assert run.fit(heir)["identities"] == 4
    assert torch.equal(
        torch.nn.functional.normalize(load_file(done[0].out / "head.safetensors")["centres"]),
        load_file(heir.out / "head.safetensors")["centres"],
    )


def test_odd_validation_embeddings_are_told_while_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lengths, "TIMES_MEDIAN", 0)
    faces = {"root": folder / "faces", "validation_identities": 2}
    run.fit(recipe(folder, "odd", data=faces, training={"epochs": 1}))
    assert re.search(r"After epoch 1: \d+ of \d+ embeddings are over", capsys.readouterr().err)


def test_one_seed_gives_one_training(folder: Path, done: tuple[Recipe, dict]) -> None:
    run.fit(distilled(folder, "twin"))
    assert losses(folder / "twin") == losses(done[0].out)
    other = distilled(folder, "other").model_copy(update={"seed": 1})
    run.fit(other)
    assert losses(other.out)[0]["loss"] != losses(done[0].out)[0]["loss"]


def test_workers_change_nothing(folder: Path, done: tuple[Recipe, dict]) -> None:
    wanted = distilled(folder, "workers")
    wanted = wanted.model_copy(update={"data": wanted.data.model_copy(update={"workers": 1})})
    run.fit(wanted)
    assert losses(wanted.out) == losses(done[0].out)


def test_a_moving_average_is_what_is_kept(folder: Path) -> None:
    wanted = recipe(folder, "ema", training={"epochs": 2, "ema_decay": 0.5})
    run.fit(wanted)
    last = wanted.out / "checkpoints" / "epoch-0002"
    averaged, trained = load_file(last / "averaged.safetensors"), load_file(last / "objective.safetensors")
    kept = load_file(wanted.out / "model.safetensors")
    assert averaged["n_averaged"] == 6
    for name, tensor in kept.items():
        assert torch.equal(tensor, averaged[f"module.{name}"])
    for name in ("out.weight", "body.1.running_mean"):
        assert not torch.equal(kept[name], trained[f"model.{name}"])


def test_bf16_and_adamw_train_float32_weights(folder: Path) -> None:
    wanted = recipe(folder, "bf16", training={"epochs": 4, "precision": "bf16"}, optimiser={"adamw": {"lr": 0.01}})
    run.fit(wanted)
    assert {tensor.dtype for tensor in load_file(wanted.out / "model.safetensors").values()} <= {
        torch.float32, torch.int64,
    }  # fmt: skip
    first, *_, last = [line["loss"] for line in lines(wanted.out)]
    assert last < first


def test_unlabelled_faces_join_in(folder: Path) -> None:
    tiny.write_faces(folder / "strangers", identities=2, seed=9)
    wanted = recipe(
        folder,
        "mixed",
        data={"root": folder / "faces", "unlabelled": [folder / "strangers"]},
        teacher={"live": {"weights": folder / "teacher"}},
        method="cosine",
        training={"epochs": 1},
    )
    result = run.fit(wanted)
    assert (result["images"], result["identities"]) == (32, 6)
    assert [line["step"] for line in lines(wanted.out)] == [4]


def test_faces_can_be_drawn(folder: Path) -> None:
    drawn = {"identities": 2, "images_per_identity": 4, "size_px": 16}
    result = run.fit(recipe(folder, "drawn", data={"drawn": drawn}, training={"epochs": 1}))
    assert (result["images"], result["identities"]) == (8, 2)


def test_tensorboard_is_written_on_request(folder: Path) -> None:
    pytest.importorskip("tensorboard")
    wanted = recipe(folder, "board", training={"epochs": 1, "tensorboard": True})
    run.fit(wanted)
    assert [path.stat().st_size > 0 for path in (wanted.out / "tensorboard").iterdir()] == [True]


def test_a_missing_tensorboard_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    wanted = recipe(folder, "boardless", training={"tensorboard": True})
    with pytest.raises(UserError, match=r"pip install 'facedistill\[tensorboard\]'"):
        run.fit(wanted)
    assert not wanted.out.exists()


@pytest.mark.parametrize("batch", [8, 24], ids=["several batches", "one batch an epoch"])
def test_a_dry_run_writes_nothing_and_says_what_to_expect(folder: Path, batch: int) -> None:
    before = sorted(folder.rglob("*"))
    said = run.dry_run(recipe(folder, "dry", training={"batch": batch}))
    assert sorted(folder.rglob("*")) == before
    assert (said["images"], said["identities"], said["steps"]) == (24, 6, 72 / batch)
    weights = sum(p.numel() for p in tiny.net().parameters())
    assert (said["model_weights"], said["trained_weights"]) == (weights, weights + 6 * 8)
    assert said["eta_s"] == pytest.approx(72 / said["images_per_s"])
    assert said["loss"] > 0


def test_divergence_stops_and_keeps_the_last_checkpoint(folder: Path) -> None:
    wanted = recipe(folder, "diverged", optimiser={"sgd": {"lr": 1e38}}, training={"epochs": 8})
    with pytest.raises(NonFiniteLoss, match=r"Stopped in epoch \d, step \d+: .*p\d/p\d"):
        run.fit(wanted)
    assert not (wanted.out / "model.safetensors").exists()
    assert not (wanted.out / "result.json").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": {"root": "nowhere"}}, "There is no folder or file nowhere"),
        ({"data": {"root": "faces", "validation_identities": 6}}, "Cannot hold out 6 of 6"),
        ({"training": {"batch": 25}}, "24 faces do not fill one batch of 25"),
        ({"training": {"device": "cuda:99"}}, "Device 'cuda:99' is not available"),
        ({"head": None}, "Nothing to learn from"),
        ({"head": "inherited"}, "'inherited' learns from a teacher, and there is none"),
        ({"method": "cosine"}, "'cosine' learns from a teacher, and there is none"),
        ({"weights": {"margn": 1}}, "Unknown term 'margn' in weights; did you mean 'margin'"),
        ({"ramp": {"margn": 1}}, "Unknown term 'margn' in ramp"),
        ({"lr_scale": {"modle": 1}}, "Unknown part 'modle' in lr_scale; did you mean 'model'"),
        ({"model": {"tiny.net": {"embeding": 8}}}, "Unknown key 'embeding' in tiny.net; did you mean 'embedding'"),
        ({"optimiser": "sdg"}, "Unknown optimiser 'sdg'; did you mean 'sgd'"),
        ({"schedule": {"step": {}}}, "'step.at_epochs' is missing"),
        ({"data": {"root": "faces", "views": {"mirror": 2}}}, "mirror"),
        ({"teacher": {"live": {"weights": "nowhere"}}, "method": "cosine"}, "There are no weights at nowhere"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changes: dict, sentence: str
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(UserError) as error:
        run.fit(recipe(folder, "refused", **changes))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(folder.rglob("*")) == before


def test_a_folder_is_never_overwritten(folder: Path, done: tuple[Recipe, dict]) -> None:
    for attempt in (run.fit, run.dry_run):
        with pytest.raises(UserError, match="exists and is never overwritten"):
            attempt(done[0])
