"""Which runs may go on."""

import shutil
from pathlib import Path

import pytest
import tiny

from facedistill import dist
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


def begun(folder: Path, name: str, epochs: int = 1):
    """The recipe of a run of its own that was stopped before its result, and its faces."""
    faces = tiny.write_faces(folder / f"{name}_faces")
    recipe = tiny.recipe(faces, folder / name, training={"epochs": epochs})
    run.fit(recipe)
    (recipe.out / "result.json").unlink()
    return recipe, faces


def test_other_faces_are_refused(folder: Path) -> None:
    recipe, faces = begun(folder, "fewer")
    (faces / "p0" / "p0_0001.png").unlink()
    with pytest.raises(UserError, match=r"fewer was begun with 24 faces, not 23; go on with the same data"):
        run.fit(recipe, resume=True)
    tiny.write_faces(folder / "new", identities=1, images=1)
    (folder / "new" / "p0").rename(faces / "q0")
    with pytest.raises(UserError, match=r"begun with 6 identities, not 7"):
        run.fit(recipe, resume=True)
    assert not (recipe.out / "result.json").exists()


def test_processes_that_cannot_share_a_batch_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, _ = begun(folder, "alone")
    monkeypatch.setattr(dist, "world", lambda: 3)
    with pytest.raises(UserError, match=r"3 processes cannot share a batch of 8 evenly.*--nproc-per-node"):
        run.fit(recipe, resume=True)


def test_the_time_of_all_sessions_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every epoch takes 100 s by this clock; the second session is that of another process."""
    clock = [1e6]
    monkeypatch.setattr(run.time, "monotonic", lambda: clock[0])
    trained = run.train_epoch

    def slow(*given, **named) -> None:
        if clock[0] >= 1e6 + 200:
            raise KeyboardInterrupt
        trained(*given, **named)
        clock[0] += 100

    monkeypatch.setattr(run, "train_epoch", slow)
    recipe = tiny.recipe(folder / "faces", folder / "sessions", training={"epochs": 4})
    with pytest.raises(KeyboardInterrupt):
        run.fit(recipe)
    clock[0] = 5.0
    assert run.fit(recipe, resume=True)["training_s"] == 400
    (recipe.out / "result.json").unlink()
    assert run.fit(recipe, resume=True)["training_s"] == 400, "nothing was left to train"


def test_a_damaged_checkpoint_costs_one_epoch_and_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, _ = begun(folder, "damaged", epochs=3)
    kept = (recipe.out / "model.safetensors").read_bytes()
    file = recipe.out / "checkpoints" / "epoch-0003" / "objective.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    run.fit(recipe, resume=True)
    said = "".join(capsys.readouterr().err.split())
    assert "epoch-0003isdamaged" in said, "wherever the terminal breaks the line"
    assert (recipe.out / "model.safetensors").read_bytes() == kept


def test_where_it_runs_and_what_it_shows_may_change(folder: Path) -> None:
    changed = again(folder, data={"workers": 1}, training={"validate_every": 4, "tensorboard": True, "device": "auto"})
    assert run.fit(changed, resume=True)["epochs"] == 1


def test_without_a_run_there_is_nothing_to_resume(folder: Path) -> None:
    nowhere = tiny.recipe(folder / "faces", folder / "nowhere")
    with pytest.raises(UserError, match=r"no run in \S+nowhere to resume"):
        run.fit(nowhere, resume=True)
    assert not nowhere.out.exists()
