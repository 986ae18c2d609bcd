"""A run at a speed: chosen, noted, kept when it goes on, and without a say in what is learned where it claims so."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml

from facedistill.config import load_recipe
from facedistill.errors import UserError
from facedistill.recipe import Recipe
from facedistill.signature import validated
from facedistill.speed.choices import Speed
from facedistill.train import prepare, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speed")
    tiny.write_faces(folder / "faces")
    tiny.write_teacher(folder / "teacher")
    return folder


def distilled(folder: Path, out: str, speed: Any, **changes: Any) -> Recipe:
    lesson = {"teacher": {"live": {"weights": folder / "teacher"}}, "method": "cosine"}
    training = {"epochs": 2, "speed": speed}
    return tiny.recipe(folder / "faces", folder / out, training=training, **lesson, **changes)


def weights(recipe: Recipe) -> bytes:
    return (recipe.out / "model.safetensors").read_bytes()


def noted(recipe: Recipe) -> dict[str, Any]:
    return json.loads((recipe.out / "environment.json").read_text())["speed"]


@pytest.fixture(scope="module")
def plain(folder: Path) -> Recipe:
    recipe = distilled(folder, "off", "off")
    run.fit(recipe)
    return recipe


def test_a_short_run_learns_the_same_to_the_bit_where_it_measures(
    folder: Path, plain: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = distilled(folder, "auto", "auto")
    run.fit(recipe)
    assert weights(recipe) == weights(plain)
    assert noted(plain) == Speed().model_dump()
    assert noted(recipe) == Speed(fused=True, teacher={"precision": "fp32"}).model_dump()
    assert "speed:{precision:fp32," in "".join(capsys.readouterr().err.split())


def test_a_run_goes_on_as_it_began(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = distilled(folder, "again", "auto")
    monkeypatch.setattr(prepare, "choose_speed", lambda *_, **__: prepare.Chosen(Speed(precision="bf16")))
    run.fit(recipe)
    before = weights(recipe)
    (recipe.out / "result.json").unlink()
    shutil.rmtree(recipe.out / "checkpoints" / "epoch-0002")
    monkeypatch.setattr(prepare, "choose_speed", lambda *_, **__: pytest.fail("measured again"))
    run.fit(recipe, resume=True)
    assert weights(recipe) == before
    assert noted(recipe)["precision"] == "bf16"


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_fused_optimisers_go_on_bit_for_bit(folder: Path, optimiser: str) -> None:
    recipe = distilled(folder, optimiser, {"fused": True}, optimiser=optimiser)
    run.fit(recipe)
    before = weights(recipe)
    (recipe.out / "result.json").unlink()
    shutil.rmtree(recipe.out / "checkpoints" / "epoch-0002")
    run.fit(recipe, resume=True)
    assert weights(recipe) == before


def test_a_run_of_before_there_were_speeds_goes_on(folder: Path, plain: Recipe) -> None:
    shutil.copytree(plain.out, folder / "old")
    file = folder / "old" / "config.yaml"
    old = yaml.safe_load(file.read_text())
    assert old["training"].pop("speed") == "off"
    old["training"] |= {"precision": "fp32", "channels_last": True}
    file.write_text(yaml.safe_dump({**old, "out": str(folder / "old")}))
    assert load_recipe(file).training.speed == Speed()
    (folder / "old" / "result.json").unlink()
    run.fit(load_recipe(file), resume=True)
    assert (folder / "old" / "model.safetensors").read_bytes() == weights(plain)


def test_another_speed_is_another_recipe(folder: Path, plain: Recipe) -> None:
    with pytest.raises(UserError, match=r"begun with another training\.speed"):
        run.fit(plain.model_copy(update={"training": distilled(folder, "x", "auto").training}), resume=True)


def test_a_dry_run_says_how(folder: Path) -> None:
    assert run.dry_run(distilled(folder, "dry", {"precision": "bf16"}))["speed"].startswith("{precision: bf16,")


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"speed": "fast"}, r"'training.speed' takes off, auto or choices such as \{precision: bf16\}; it has 'fast'"),
        ({"speed": {"precison": "bf16"}}, r"Unknown key 'precison' in training.speed; did you mean 'precision'"),
        ({"speed": {"teacher": {"compile": "al"}}}, r"'training.speed.teacher.compile' cannot be 'al'"),
        ({"speed": "auto", "precision": "bf16"}, r"'training.precision' is one of the choices of training.speed=auto"),
    ],
)
def test_what_cannot_be_is_refused(training: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        validated(Recipe, {"model": "tiny.net", "data": {"drawn": {}}, "out": "x", "training": training}, "")


def test_off_is_a_word_of_yaml(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("model: tiny.net\ndata: {drawn: {}}\nout: x\ntraining: {speed: off}\n")
    assert load_recipe(tmp_path / "mine.yaml").training.speed == "off"
    assert load_recipe(tmp_path / "mine.yaml", ["training.speed.precision=bf16"]).training.speed == Speed(
        precision="bf16"
    )
