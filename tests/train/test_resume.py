"""Which runs may go on."""

import shutil
from pathlib import Path

import pytest
import tiny

from facedistill.errors import UserError
from facedistill.train import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces, and a finished run."""
    folder = tmp_path_factory.mktemp("resume")
    tiny.write_faces(folder / "faces")
    data = {"root": folder / "faces", "validation_identities": 2}
    run.fit(tiny.recipe(folder / "faces", folder / "run", data=data, training={"epochs": 1}))
    return folder


def again(folder: Path, **changes):
    data = {"root": folder / "faces", "validation_identities": 2, **changes.pop("data", {})}
    training = {"epochs": 1, **changes.pop("training", {})}
    return tiny.recipe(folder / "faces", folder / "run", data=data, training=training, **changes)


def test_a_finished_run_says_its_result_again_and_changes_nothing(folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}
    result = run.fit(again(folder), resume=True)
    assert result["validation"].keys() >= {"balanced_accuracy"}
    assert {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()} == before


def test_a_run_stopped_before_its_result_is_finished(folder: Path) -> None:
    shutil.copytree(folder / "run", folder / "unfinished")
    expected = run.fit(again(folder), resume=True)
    (folder / "unfinished" / "result.json").unlink()
    recipe = again(folder).model_copy(update={"out": folder / "unfinished"})
    assert run.fit(recipe, resume=True)["validation"] == expected["validation"]
    assert (folder / "unfinished" / "model.safetensors").read_bytes() == (
        folder / "run" / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"seed": 1}, "seed"),
        ({"training": {"epochs": 2}}, "training.epochs"),
        ({"optimiser": {"sgd": {"lr": 0.1}}}, "optimiser.sgd.lr"),
        ({"optimiser": "adamw"}, "optimiser.adamw.beta1"),
        ({"data": {"validation_identities": 3}}, "data.validation_identities"),
    ],
)
def test_another_recipe_is_refused_and_the_key_named(folder: Path, changes: dict, key: str) -> None:
    with pytest.raises(UserError, match=f"begun with another {key}"):
        run.fit(again(folder, **changes), resume=True)


def test_where_it_runs_and_what_it_shows_may_change(folder: Path) -> None:
    changed = again(folder, data={"workers": 1}, training={"validate_every": 4, "tensorboard": True, "device": "auto"})
    assert run.fit(changed, resume=True)["epochs"] == 1


def test_without_a_run_there_is_nothing_to_resume(folder: Path) -> None:
    nowhere = tiny.recipe(folder / "faces", folder / "nowhere")
    with pytest.raises(UserError, match=r"no run in \S+nowhere to resume"):
        run.fit(nowhere, resume=True)
    assert not nowhere.out.exists()
