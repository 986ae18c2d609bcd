"""The command line as a person meets it: verbs that work, and one sentence where they cannot."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
import yaml
from said import Call

from facedistill import cli
from facedistill.config import dump_recipe
from facedistill.train import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces with a list of pairs, two teachers, and a recipe each for ``train`` and ``distill``."""
    folder = tmp_path_factory.mktemp("cli")
    tiny.write_faces(folder / "faces")
    rows = [row for p in range(5) for row in (f"p{p}\t1\t2", f"p{p}\t3\tp{p + 1}\t1")]
    (folder / "faces" / "pairs.txt").write_text("\n".join(["5\t1", *rows]))
    tiny.write_teacher(folder / "teacher")
    tiny.write_teacher(folder / "twin", {"tiny.net": {"embedding": 12}})
    plain = tiny.recipe(folder / "faces", folder / "plain", training={"epochs": 1})
    (folder / "plain.yaml").write_text(dump_recipe(plain))
    live = {"live": {"weights": str(folder / "teacher")}}
    taught = plain.model_copy(update={"teacher": live, "method": {"cosine": {}}, "out": folder / "taught"})
    (folder / "taught.yaml").write_text(dump_recipe(taught))
    return folder


def test_help_answers_without_torch() -> None:
    code = """
import sys
from facedistill.cli import main
try:
    main()
finally:
    print(sorted({"torch", "numpy", "cv2"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for verb in ("train", "distill", "evaluate", "embed", "list", "config"):
        assert verb in done.stdout


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from facedistill import __main__

    assert __main__.main is cli.main


def test_train_then_distill(call: Call, folder: Path) -> None:
    trained = call("train", folder / "plain.yaml", f"out={folder / 'trained'}", "--json")
    assert (trained.code, json.loads(trained.out)["identities"]) == (0, 6)
    distilled = call("distill", folder / "taught.yaml", "training.epochs=2", "weights.cosine.embedding=3")
    assert distilled.code == 0
    assert "training_s" in distilled.out
    written = yaml.safe_load((folder / "taught" / "config.yaml").read_text())
    assert (written["training"]["epochs"], written["weights"]) == (2, {"cosine.embedding": 3.0})
    again = call(
        "distill", folder / "taught.yaml", "training.epochs=2", "weights.cosine.embedding=3", "--resume", "--json"
    )
    assert json.loads(again.out)["epochs"] == 2


def test_a_dry_run_says_figures_and_leaves_nothing(call: Call, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    said = call("distill", folder / "taught.yaml", f"out={folder / 'dry'}", "--dry-run", "--json")
    assert json.loads(said.out).keys() >= {"images_per_s", "eta_s", "peak_memory_mb", "loss", "model_weights"}
    assert sorted(folder.rglob("*")) == before


def test_each_verb_has_its_recipes(call: Call, folder: Path) -> None:
    refused = call("train", folder / "taught.yaml")
    assert (refused.code, "use `facedistill distill" in refused.error) == (2, True)
    refused = call("distill", folder / "plain.yaml")
    assert (refused.code, "has no teacher" in refused.error) == (2, True)


def test_divergence_exits_with_1(call: Call, folder: Path) -> None:
    said = call("train", folder / "plain.yaml", f"out={folder / 'far'}", "optimiser.sgd.lr=1e38", "training.epochs=9")
    assert said.code == 1
    assert "Stopped in epoch" in said.error
    assert "not finite" in said.error


def test_ctrl_c_says_how_to_go_on(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "fit", interrupted)
    said = call("train", folder / "plain.yaml")
    assert said.code == 130
    assert "go on with --resume" in said.err


def test_a_full_disk_is_one_sentence(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "runs/x/model.safetensors")

    monkeypatch.setattr(run, "fit", full)
    said = call("train", folder / "plain.yaml")
    assert (said.code, said.error) == (1, "Error: runs/x/model.safetensors: No space left on device.")


def test_evaluate_with_pairs_and_a_gallery(call: Call, folder: Path) -> None:
    command = [
        "evaluate",
        folder / "teacher",
        "--on",
        f"small={folder / 'faces'}",
        "--far",
        "0.1",
        "--replicates",
        "20",
    ]
    said = call(*command, "--gallery", folder / "twin", "--out", folder / "figures", "--json")
    figures = json.loads(said.out)["small"]
    assert json.loads((folder / "figures" / "result.json").read_text())["small"] == figures
    assert 0 <= figures["accuracy"] <= 1
    assert figures["tar_at_far"].keys() == {"0.1"}
    assert "asymmetric" in figures
    table = call(*command)
    assert (table.code, "small" in table.out) == (0, True)
    assert "never overwritten" in call(*command, "--out", folder / "figures").error


def test_networks_of_two_widths_cannot_be_compared(call: Call, folder: Path) -> None:
    tiny.write_teacher(folder / "narrow", "tiny.net")
    command = ["evaluate", folder / "teacher", "--on", f"s={folder / 'faces'}", "--gallery", folder / "narrow"]
    said = call(*command, "--out", folder / "never", "--replicates", "5")
    assert said.code == 2
    assert "12 wide and the gallery network's 8" in said.error
    assert not (folder / "never").exists()


@pytest.mark.parametrize("source", ["faces", "faces/p1"], ids=["nested", "flat"])
def test_embed_writes_a_row_a_face(call: Call, folder: Path, tmp_path: Path, source: str) -> None:
    said = call("embed", folder / "teacher", folder / source, tmp_path / "out", "--no-flip")
    vectors = np.load(tmp_path / "out" / "embeddings.npy")
    rows = list(csv.DictReader((tmp_path / "out" / "index.csv").read_text().splitlines()))
    count = 24 if source == "faces" else 4
    assert (said.code, vectors.shape, len(rows)) == (0, (count, 12), count)
    assert rows[0]["identity"] == ("p0" if source == "faces" else "")
    assert "never overwritten" in call("embed", folder / "teacher", folder / source, tmp_path / "out").error


def test_list_shows_everything_that_can_be_named(call: Call) -> None:
    offers = json.loads(call("list", "--json").out)
    assert offers.keys() == {"backbones", "heads", "methods", "teachers", "recipes", "comparisons"}
    known = {
        "backbones": "mobilefacenet_1m2", "heads": "arcface", "methods": "urfm", "teachers": "prompted",
        "recipes": "celeba269_labels", "comparisons": "compare_demo",
    }  # fmt: skip
    for kind, name in known.items():
        assert len(offers[kind][name]) > 10, "every name is explained"
    shown = call("list", "heads").out
    assert "cosface" in shown
    assert "mobilefacenet" not in shown
    assert "did you mean 'methods'" in call("list", "method").error


def test_a_recipe_is_copied_checked_and_shown(call: Call, tmp_path: Path) -> None:
    assert call("config", "cp", "celeba269_labels", tmp_path).code == 0
    copy = tmp_path / "celeba269_labels.yaml"
    assert call("config", "validate", copy).out.endswith("every name and option is known.\n")
    shown = yaml.safe_load(call("config", "show", copy, "training.epochs=7", "head.cosface.margin=0.25").out)
    assert shown["training"]["epochs"] == 7
    assert shown["head"] == {"cosface": {"margin": 0.25, "scale": 32.0, "sample_rate": 1.0}}
    assert shown["training"]["clip_norm"] == 5.0, "defaults are written out"
    assert "never overwritten" in call("config", "cp", "celeba269_labels", tmp_path).error
    assert "There is no folder" in call("config", "cp", "celeba269_labels", tmp_path / "none" / "x.yaml").error


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("trainig.epochs=3", "Unknown key 'trainig' in the recipe; did you mean 'training'?"),
        ("head.cosfce.margin=0.3", "'head' takes one name"),
        ("model.tiny.net.embeding=4", "'model' takes one name"),
        ("head=cosfce", "Unknown head 'cosfce'; did you mean 'cosface'?"),
        ("schedule.cosine.warmup=1", "Unknown key 'warmup' in cosine; did you mean 'warmup_epochs'?"),
        ("data.views.miror=1", "Unknown key 'miror' in data.views; did you mean 'mirror'?"),
        ("training.epochs", "is not of the form key=value"),
        ("training.epochs=[", "'[' in 'training.epochs=[' is not YAML"),
        ("optimiser.sgd=0.1", "'optimiser.sgd' takes options"),
        ("head=3", "'head' takes one name"),
        ("head=[cosface]", "'head' takes one name"),
        ("method=3", "'method' takes one name"),
        ("training=3", "'training' cannot be 3"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(call: Call, folder: Path, override: str, sentence: str) -> None:
    said = call("config", "validate", folder / "plain.yaml", override)
    assert said.code == 2
    assert sentence in said.error


def test_overrides_reach_into_lists_and_bare_names(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "listed.yaml"
    file.write_text(
        "model: mobilefacenet_1m2\nmethod: [cosine, {urfm: {centres: 4}}]\nteacher: {live: {weights: t}}\n"
        "data: {root: faces}\nout: x\n"
    )
    shown = yaml.safe_load(call("config", "show", file, "method.urfm.width=64", "method.urfm.heads=4").out)
    assert list(shown["method"]) == ["cosine", "urfm"]
    assert [shown["method"]["urfm"][key] for key in ("centres", "width", "heads")] == [4, 64, 4]
    bare = yaml.safe_load(call("config", "show", file, "method=cosine").out)
    assert bare["method"] == {"cosine": {}}


def test_what_is_no_recipe_is_said(call: Call, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "broken.yaml").write_text("a: [\n")
    picture = next((folder / "faces").rglob("*.png"))
    for file, sentence in (
        (tmp_path / "list.yaml", "must hold keys and values"),
        (tmp_path / "broken.yaml", "is not YAML"),
        (picture, "is not YAML"),
        (tmp_path / "none.yaml", "There is no recipe"),
        ("celeba269_label", "did you mean 'celeba269_labels'"),
    ):
        said = call("config", "validate", file)
        assert (said.code, sentence in said.error) == (2, True), said.err


def _empty_identity(root: Path) -> None:
    (root / "p9").mkdir()


def _zero_bytes(root: Path) -> None:
    next(root.rglob("*.png")).write_bytes(b"")


def _truncated(root: Path) -> None:
    file = next(root.rglob("*.png"))
    file.write_bytes(file.read_bytes()[:100])


def _no_images(root: Path) -> None:
    for file in root.rglob("*.png"):
        file.unlink()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_empty_identity, "1 identities have no images: p9"),
        (_zero_bytes, "1 of 24 images cannot be read, more than the 0.1 % allowed"),
        (_truncated, "it is truncated"),
        (_no_images, "6 identities have no images"),
    ],
)
def test_bad_faces_are_said_before_anything_is_written(
    call: Call, folder: Path, tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    root = tiny.write_faces(tmp_path / "faces")
    spoil(root)
    said = call("train", folder / "plain.yaml", f"data.root={root}", f"out={tmp_path / 'run'}")
    assert said.code == 2
    assert sentence in said.error
    assert not (tmp_path / "run").exists()


def test_bad_folders_and_weights_are_said_before_anything_is_written(call: Call, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bad = [
        (("train", folder / "plain.yaml", f"data.root={tmp_path / 'none'}"), "There is no folder"),
        (("train", folder / "plain.yaml", f"data.root={tmp_path / 'empty'}"), "holds no folder per identity"),
        (("distill", folder / "taught.yaml", "teacher.live.backbone=mobilefacenet_1m2"), "it lacks"),
        (("distill", folder / "taught.yaml", f"teacher.live.weights={tmp_path / 'none'}"), "There are no weights"),
        (
            ("distill", folder / "taught.yaml", f"teacher.live.weights={folder / 'plain.yaml'}"),
            "not a whole safetensors",
        ),
        (("distill", folder / "taught.yaml", "method=urfm", "method.urfm.width=30"), "heads"),
    ]
    for command, sentence in bad:
        said = call(*command, f"out={tmp_path / 'run'}")
        assert (said.code, sentence in said.error) == (2, True), said.err
        assert not (tmp_path / "run").exists()
    existing = call("train", folder / "plain.yaml", f"out={tmp_path / 'empty'}")
    assert (existing.code, "never overwritten" in existing.error) == (2, True)
    for command in (
        ("evaluate", folder / "teacher", "--on", f"x={tmp_path / 'none'}"),
        ("embed", folder / "teacher", tmp_path / "none", tmp_path / "run"),
    ):
        said = call(*command)
        assert (said.code, "There is no folder" in said.error) == (2, True)


@pytest.mark.parametrize(
    ("on", "sentence"),
    [(["faces"], "--on takes NAME=PATH"), (["a=x", "a=y"], "two sets called 'a'")],
)
def test_sets_have_names_of_their_own(call: Call, folder: Path, on: list[str], sentence: str) -> None:
    said = call("evaluate", folder / "teacher", *[part for entry in on for part in ("--on", entry)])
    assert (said.code, sentence in said.error) == (2, True)


def test_wrong_usage_exits_with_2(call: Call) -> None:
    for command in (("trian",), ("train",), ("train", "celeba269_labels", "--bogus"), ("evaluate", "x")):
        said = call(*command)
        assert said.code == 2
        assert "Traceback" not in said.err
