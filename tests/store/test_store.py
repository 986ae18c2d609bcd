"""Training from a store is the training that asks, and a store that does not fit is refused before it begins."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from said import Call
from torch import Tensor

from facedistill.config import dump_recipe
from facedistill.errors import UserError
from facedistill.recipe import Recipe
from facedistill.store import layout
from facedistill.store.build import build_store
from facedistill.store.codec import CODECS
from facedistill.store.plan import plan_store
from facedistill.store.seal import seal
from facedistill.store.verify import verify_store
from facedistill.store.writer import Writer
from facedistill.teachers.stored import Stored
from facedistill.train import run
from facedistill.train.prepare import prepare

METHODS = {"urfm": {"stage": 0, "teacher_stage": -2, "centres": 4, "width": 8, "heads": 2}, "cosine": {}}
MIRROR = {"rotate_deg": 0.0, "shift_px": 0.0, "scale": [1.0, 1.0], "brightness": 0.0, "grey": 0.0, "low_resolution": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces, a teacher, and a store for ``taught``."""
    folder = tmp_path_factory.mktemp("store")
    tiny.write_faces(folder / "faces", identities=6, images=5)
    tiny.write_teacher(folder / "teacher")
    build(taught(folder), folder / "store")
    return folder


def taught(folder: Path, out: str = "run", **changes: Any) -> Recipe:
    teacher = {"live": {"weights": str(folder / "teacher")}}
    whole = {"teacher": teacher, "method": METHODS, "training": {"epochs": 2}}
    return tiny.recipe(folder / "faces", folder / out, **{**whole, **changes})


def from_store(folder: Path, store: str = "store", **changes: Any) -> Recipe:
    return taught(folder, **{"teacher": {"stored": {"path": str(folder / store)}}, **changes})


def build(recipe: Recipe, out: Path, **options: Any) -> None:
    build_store(plan_store(recipe, **options), out)


def losses(recipe: Recipe) -> list[dict[str, float]]:
    """Every term of every step."""
    made = prepare(recipe)
    made.objective.train()
    number, terms = 0, []
    for epoch in range(recipe.training.epochs):
        for images, batch in made.loader.epoch(epoch):
            terms.append({**made.step(number, images, batch), "first": float(batch.index[0])})
            number += 1
    return terms


def answers(recipe: Recipe) -> Tensor:
    """Every embedding of the teacher, in the order of the training."""
    made = prepare(recipe)
    assert made.objective.teacher is not None
    epochs = range(recipe.training.epochs)
    return torch.cat(
        [made.objective.teacher(*each).embedding for number in epochs for each in made.loader.epoch(number)]
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_training_from_a_store_is_the_training_that_asks(folder: Path, workers: int) -> None:
    data = {"root": folder / "faces", "workers": workers}
    asked, read = losses(taught(folder, data=data)), losses(from_store(folder, data=data))
    assert [step["first"] for step in asked] == [step["first"] for step in read], "the same order, to the bit"
    assert len(asked) == 6
    for own, other in zip(asked, read, strict=True):
        for name, value in own.items():
            assert other[name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
    assert any(own != other for own, other in zip(asked, read, strict=True)), "fp16 was read at all"


def test_it_holds_what_the_methods_read_and_no_more(folder: Path) -> None:
    assert plan_store(taught(folder)).header.held == "embedding, stage0"
    assert plan_store(taught(folder, method="cosine")).header.held == "embedding"
    assert plan_store(taught(folder, method={"attention_transfer": {}})).header.held == "embedding, stage1"
    assert plan_store(taught(folder, method="cosine"), hold=["stages:-1"]).header.held == "embedding, stage1"
    with pytest.raises(UserError, match=r"'stages:2' cannot be held; .* N is from 0 to 1"):
        plan_store(taught(folder), hold=["stages:2"])


def test_a_store_serves_without_its_teacher(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "store", tmp_path / "store")
    header = tmp_path / "store" / "store.json"
    header.write_text(header.read_text().replace(str(folder / "teacher"), "gone"))
    resealed(tmp_path / "store")
    assert losses(from_store(folder, teacher={"stored": {"path": str(tmp_path / "store")}}))
    with pytest.raises(UserError, match="no weights at gone"):
        Stored(path=tmp_path / "store").reference(tiny.images(1))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": 1}, "built for another seed; change that back, or build one that fits: facedistill store build"),
        ({"data": {"views": {"mirror": 0.25}}}, "built for another views.mirror"),
        ({"data": {"mix": {"share": 0.5}}}, "built for another mix"),
        ({"data": {"validation_identities": 2}}, "built for another data: its faces"),
        (
            {"training": {"epochs": 3}},
            r"holds 2 views of every face and this training shows 3, one an epoch:",
        ),
        (
            {"method": {"attention_transfer": {}}},
            r"reads stage 1 of the teacher; its store \S+ holds embedding, st",
        ),
    ],
)
def test_a_store_that_does_not_fit_is_refused_before_anything_is_written(
    folder: Path, changes: dict[str, Any], sentence: str
) -> None:
    if "data" in changes:
        changes = {"data": {"root": folder / "faces", **changes["data"]}}
    recipe = from_store(folder, out="refused", **changes)
    with pytest.raises(UserError, match=sentence):
        run.fit(recipe)
    assert not recipe.out.exists()


def test_a_store_without_any_stage_says_what_to_build(folder: Path, tmp_path: Path) -> None:
    build(taught(folder, method="cosine"), tmp_path / "store")
    recipe = from_store(folder, teacher={"stored": {"path": str(tmp_path / "store")}})
    with pytest.raises(UserError, match=r"needs the teacher's stages, .* holds embedding: build one that fits"):
        prepare(recipe)


def test_other_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    other = tiny.write_teacher(tmp_path / "other", seed=2)
    same = shutil.copytree(folder / "teacher", tmp_path / "same")
    assert Stored(path=folder / "store", teacher={"live": {"weights": str(same)}}).provides == {"embedding", "stages"}
    for teacher in ({"weights": str(other)}, {"weights": str(same), "precision": "bf16"}):
        with pytest.raises(UserError, match="holds the answers of another teacher"):
            Stored(path=folder / "store", teacher={"live": teacher})
    build(taught(folder, teacher={"live": {"weights": str(same)}}), tmp_path / "store")
    shutil.copy(other / "model.safetensors", same / "model.safetensors")
    with pytest.raises(UserError, match=r"same/model.safetensors has changed since the store"):
        Stored(path=tmp_path / "store")


def test_answers_that_change_are_not_stored(folder: Path) -> None:
    teacher = {"prompted": {"weights": str(folder / "teacher"), "count": 2}}
    with pytest.raises(UserError, match="change while the student learns"):
        plan_store(taught(folder, teacher=teacher))


@pytest.mark.parametrize("views", [MIRROR, {**MIRROR, "mirror": 0.0}])
def test_mirror_images_are_stored_once_however_long_the_training(folder: Path, tmp_path: Path, views: Any) -> None:
    data = {"root": folder / "faces", "views": views}
    changes = {"data": data, "training": {"epochs": 7, "batch": 15}}
    build(taught(folder, **changes), tmp_path / "store")
    pictures = json.loads((tmp_path / "store" / "store.json").read_text())["layout"]["pictures"]
    assert pictures == (2 if views is MIRROR else 1)
    stored = {"stored": {"path": str(tmp_path / "store")}}
    torch.testing.assert_close(
        answers(taught(folder, teacher=stored, **changes)), answers(taught(folder, **changes)), rtol=1e-3, atol=1e-4
    )


def test_mixed_faces_are_stored(folder: Path, tmp_path: Path) -> None:
    changes = {"data": {"root": folder / "faces", "mix": {"share": 0.7}}, "training": {"epochs": 1}}
    build(taught(folder, **changes), tmp_path / "store", dtype="int8")
    stored = {"stored": {"path": str(tmp_path / "store")}}
    held, given = answers(taught(folder, teacher=stored, **changes)), answers(taught(folder, **changes))
    assert (held - given).abs().max() <= given.abs().max() / 254 * 1.01


def test_verify_asks_again(folder: Path, tmp_path: Path) -> None:
    verdict = verify_store(folder / "store", Recipe.model_validate, sample=40)
    assert verdict.trustworthy
    assert verdict.asked == 40
    assert 0 < verdict.gaps["embedding"]["most"] < 1e-6
    whole = verify_store(folder / "store", Recipe.model_validate, sample=1000)
    assert whole.asked == 60
    build(taught(folder), tmp_path / "store", dtype="int8")
    assert 1e-6 < verify_store(tmp_path / "store", Recipe.model_validate).gaps["embedding"]["median"] < 1e-3


def test_verify_finds_answers_of_other_views(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "store", tmp_path / "store")
    zero, one = (tmp_path / "store" / f"000{picture}" for picture in (0, 1))
    zero.rename(tmp_path / "kept")
    one.rename(zero)
    (tmp_path / "kept").rename(one)
    lines = (tmp_path / "store" / "digests.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    told[0]["crc32"], told[1]["crc32"] = told[1]["crc32"], told[0]["crc32"]
    (tmp_path / "store" / "digests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    resealed(tmp_path / "store")
    verdict = verify_store(tmp_path / "store", Recipe.model_validate)
    assert not verdict.damaged
    assert not verdict.trustworthy


def resealed(store: Path) -> None:
    """As if it had been written so."""
    (store / "seal.json").unlink()
    seal(store)


def test_a_flipped_bit_is_found_before_the_first_step(folder: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    files = sorted(file for file in (folder / "store").rglob("*") if file.is_file() and file.name != "seal.json")
    assert len(files) == 7
    for number, file in enumerate(files):
        store = tmp_path / str(number)
        shutil.copytree(folder / "store", store)
        flipped = store / file.relative_to(folder / "store")
        data = bytearray(flipped.read_bytes())
        data[int(chance.integers(128 if file.suffix == ".npy" else 0, len(data)))] ^= 1 << int(chance.integers(8))
        flipped.write_bytes(data)
        with pytest.raises(UserError, match=r"damaged|cannot be read"):
            prepare(from_store(folder, teacher={"stored": {"path": str(store)}}))
        if file.suffix == ".npy":
            assert not verify_store(store, Recipe.model_validate, sample=0).trustworthy
            flipped.unlink()
            with pytest.raises(UserError, match="No such file"):
                prepare(from_store(folder, teacher={"stored": {"path": str(store)}}))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_killed_build_goes_on_to_the_same_store(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "BLOCK", 4)
    monkeypatch.setattr(layout, "SHARD_BYTES", 1024)
    plan = plan_store(taught(folder))
    assert plan.header.layout.shards == 4
    build_store(plan, tmp_path / "whole")
    for fatal in (1, 3, 17, 49, 54):
        out = tmp_path / f"killed{fatal}"
        assert killed_at_sync(fatal, lambda out=out: build_store(plan, out)), "it ended before it could be killed"
        assert not out.exists()
        build_store(plan, out)
        assert contents(out) == contents(tmp_path / "whole"), fatal
        assert not (tmp_path / f"killed{fatal}.partial").exists()
    own, other = (losses(from_store(folder, teacher={"stored": {"path": str(path)}})) for path in
                  (tmp_path / "whole", folder / "store"))  # fmt: skip
    assert own == other, "shards make no difference"


def killed_at_sync(fatal: int, work: Callable[[], object]) -> bool:
    """Whether a process doing ``work`` was killed as it asked for the ``fatal``-th sync."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    count, sync = iter(range(1, 1000)), os.fsync

    def killing(file: int) -> None:
        if next(count) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(file)

    os.fsync = killing
    try:
        work()
    finally:
        os._exit(0)


def contents(store: Path) -> dict[str, bytes]:
    return {str(file.relative_to(store)): file.read_bytes() for file in store.rglob("*") if file.is_file()}


def test_what_was_begun_for_another_recipe_is_refused(folder: Path, tmp_path: Path) -> None:
    plan = plan_store(taught(folder, method="cosine"))
    Writer(tmp_path / "store", plan.header)
    with pytest.raises(UserError, match=r"store.partial was begun as another store \(of.shown.seed\); remove it"):
        build(taught(folder, method="cosine", seed=3), tmp_path / "store")
    build_store(plan, tmp_path / "store")
    with pytest.raises(UserError, match="exists and is never overwritten"):
        build_store(plan, tmp_path / "store")


def test_a_disk_without_room_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_store(taught(folder, method="cosine"))
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, plan.header.layout.total_bytes)
    )
    with pytest.raises(UserError, match=r"needs 0.0 GB and \S+ has 0.0 GB left; make room, hold less"):
        build_store(plan, tmp_path / "store")
    assert not list(tmp_path.iterdir())


def test_answers_that_fp16_cannot_hold_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"stage0 reaches 7e\+04, which fp16 cannot hold .*use --dtype int8"):
        CODECS["fp16"].pack("stage0", torch.tensor([[7e4, 1.0]]))
    with pytest.raises(UserError, match="not finite"):
        CODECS["int8"].pack("stage0", torch.tensor([[torch.nan, 1.0]]))


def test_the_command_line(call: Call, folder: Path, tmp_path: Path) -> None:
    teacher = {"stored": {"path": str(tmp_path / "kept"), "teacher": {"live": {"weights": str(folder / "teacher")}}}}
    (tmp_path / "recipe.yaml").write_text(dump_recipe(from_store(folder, out="cli", teacher=teacher)))
    refused = call("distill", tmp_path / "recipe.yaml")
    assert (refused.code, "no store at" in refused.error) == (2, True)
    planned = json.loads(call("store", "build", tmp_path / "recipe.yaml", "--dry-run", "--json").out)
    assert (planned["faces"], planned["pictures of each"], planned["bytes an answer"]) == (30, 2, 2 * (12 + 16 * 4))
    assert not (tmp_path / "kept").exists()
    built = call("store", "build", tmp_path / "recipe.yaml")
    assert (built.code, "images/s" in built.err, "is whole" in built.err) == (0, True, True)
    assert json.loads(call("store", "inspect", tmp_path / "kept", "--json").out)["answers"] == "embedding, stage0"
    assert "stage0" in call("store", "inspect", tmp_path / "kept").out
    assert call("distill", tmp_path / "recipe.yaml").code == 0
    assert "1 - cos" in call("store", "verify", tmp_path / "kept").out
    shard = tmp_path / "kept" / "0001" / "00000.embedding.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x01")
    bad = call("store", "verify", tmp_path / "kept", "--json")
    assert (bad.code, json.loads(bad.out)["trustworthy"]) == (1, False)
    assert "0001/00000.embedding.npy, samples 0 to 29: not what was written" in bad.out
