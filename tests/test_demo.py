"""The demonstration, made tiny: what it trains, says, writes and leaves alone."""

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from facedistill import cli, demo, demo_tables
from facedistill.config import load_recipe
from facedistill.data.synthetic import DrawnFaces
from facedistill.errors import UserError
from facedistill.evaluate.settings import Settings
from facedistill.recipe import Recipe
from facedistill.report.people import STRANGERS
from facedistill.train.assemble import Sets

FACES = "data.drawn={identities: 12, images_per_identity: 3, seed: 1, size_px: 32}"
BRIEF = [FACES, "training.epochs=1", "training.batch=12", "training.device=cpu"]
MODELS = {"teacher": ["model={vit: {width: 8, depth: 2, heads: 2, patch_px: 8, size_px: 32, embedding: 256}}"]}
SETTINGS = Settings(fars=(1e-1, 1e-2), replicates=8)


def tiny(*changes: str) -> dict[str, Recipe]:
    return {run: load_recipe(f"demo_{run}", [*BRIEF, *MODELS.get(run, []), *changes]) for run in demo.RUNS}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, demo.Figures]:
    out = tmp_path_factory.mktemp("demo") / "runs"
    strangers = DrawnFaces(identities=20, images_per_identity=3, seed=2, size_px=32)
    return out, demo.demonstrate(out, recipes=tiny(), strangers=strangers, settings=SETTINGS)


def test_four_networks_are_trained_and_judged(finished: tuple[Path, demo.Figures]) -> None:
    out, result = finished
    assert list(result["networks"]) == ["teacher", "labels", "proxyless", "cakd"]
    assert {entry.name for entry in out.iterdir()} == {
        "teacher",
        "labels",
        "proxyless",
        "cakd",
        "result.json",
        "report.html",
    }
    assert json.loads((out / "result.json").read_text()) == result
    assert {entry.name for entry in out.parent.iterdir()} == {out.name}, "nothing is written elsewhere"


def test_figures_have_intervals_and_differences_a_verdict(finished: tuple[Path, demo.Figures]) -> None:
    _, result = finished
    assert result["people"] == 20
    for figures in result["networks"].values():
        for name in ("tar_at_far", "teacher_gallery"):
            assert list(figures[name]) == ["0.1", "0.01"]
            assert all(low <= high for low, high in (point["tar_interval"] for point in figures[name].values()))
    assert list(result["differences"]) == ["teacher", "proxyless", "cakd"], "each against labels only"
    far, run = "0.1", "proxyless"
    own, plain = (result["networks"][name]["tar_at_far"][far]["tar"] for name in (run, "labels"))
    assert result["differences"][run][far]["tar"] == pytest.approx(own - plain)


def test_the_teachers_gallery_is_its_own_for_the_teacher(finished: tuple[Path, demo.Figures]) -> None:
    figures = finished[1]["networks"]["teacher"]
    assert figures["teacher_gallery"]["0.1"]["tar"] == pytest.approx(figures["tar_at_far"]["0.1"]["tar"])


def test_a_second_call_trains_nothing_and_says_the_same(
    finished: tuple[Path, demo.Figures], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, result = finished
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*") if file.is_file()}
    monkeypatch.setattr(demo, "load_faces", pytest.fail)
    assert demo.demonstrate(out, recipes=tiny(), settings=SETTINGS) == result
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*") if file.is_file()} == before


def test_other_settings_do_not_go_on_with_it(finished: tuple[Path, demo.Figures]) -> None:
    with pytest.raises(UserError, match=r"begun with another.*training\.epochs"):
        demo.demonstrate(finished[0], recipes=tiny("training.epochs=2"))


def test_a_run_without_a_checkpoint_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()
    with pytest.raises(UserError, match=r"teacher was stopped before its first checkpoint; remove that folder"):
        demo.demonstrate(tmp_path, recipes=tiny())
    assert list(tmp_path.rglob("*")) == [tmp_path / "teacher"]


def test_faces_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Recipe] = []

    def load_faces(recipe: Recipe) -> Sets:
        drawn.append(recipe)
        faces = DrawnFaces(identities=1, images_per_identity=1)
        return Sets(faces, faces, None)

    monkeypatch.setattr(demo, "load_faces", load_faces)
    load = demo._sharing()
    recipes = list(tiny().values())
    assert len({id(load(recipe)) for recipe in recipes}) == len(drawn) == 1
    load(load_recipe("demo_labels", [*BRIEF, "data.drawn.seed=9"]))
    assert len(drawn) == 2


def test_the_four_recipes_show_the_same_people_and_keep_strangers_strange() -> None:
    drawn = [load_recipe(f"demo_{run}").data.drawn for run in demo.RUNS]
    assert all(faces == drawn[0] for faces in drawn)
    assert drawn[0] is not None
    assert drawn[0]["seed"] != STRANGERS["seed"], "another seed draws other people"


def test_students_have_one_budget() -> None:
    labels, proxyless, cakd = (load_recipe(f"demo_{run}") for run in ("labels", "proxyless", "cakd"))
    for student in (proxyless, cakd):
        for key in ("model", "data", "optimiser", "schedule", "training", "seed"):
            assert getattr(student, key) == getattr(labels, key), key


@pytest.mark.parametrize(
    ("tar", "significant", "verdict"),
    [(0.1, True, "better"), (-0.1, True, "worse"), (0.1, False, "not distinguishable")],
)
def test_nothing_is_called_better_within_the_interval(tar: float, significant: bool, verdict: str) -> None:
    assert demo_tables._verdict({"tar": tar, "significant": significant}) == verdict


def test_the_table_has_a_row_for_every_network(
    finished: tuple[Path, demo.Figures], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, result = finished
    console = Console(width=80)
    with console.capture() as captured:
        console.print(demo_tables.tables(result))
    text = captured.get()
    assert all(text.count(f"│ {name} ") == (1 if run == "labels" else 2) for run, name in demo.RUNS.items())
    accuracy = result["networks"]["labels"]["accuracy"]
    assert f"{100 * accuracy:.1f}" in text
    monkeypatch.setattr(demo, "demonstrate", lambda folder: result if folder == out else pytest.fail("another folder"))
    said = CliRunner().invoke(cli.app, ["demo", "--out", str(out), "--json"])
    assert json.loads(said.stdout) == result
    assert str(out / "report.html") in CliRunner().invoke(cli.app, ["demo", "--out", str(out)]).stdout


def test_the_page_is_of_the_student_beside_its_teacher_and_the_plain_one(
    finished: tuple[Path, demo.Figures],
) -> None:
    out, result = finished
    text = (out / "report.html").read_text()
    for name in ("cakd", "labels", "teacher"):
        tar = result["networks"][name]["tar_at_far"]["0.1"]["tar"]
        assert f"{100 * tar:.2f}" in text, "the page says what the table says"


def test_a_lost_page_is_written_again_and_nothing_else(
    finished: tuple[Path, demo.Figures], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, result = finished
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*") if file.is_file()}
    monkeypatch.setattr(demo, "_judged", pytest.fail)
    monkeypatch.setattr(demo, "_tell", lambda folder, *_: (folder / "report.html").write_bytes(page))
    strangers = DrawnFaces(identities=1, images_per_identity=1)
    assert demo.demonstrate(out, recipes=tiny(), strangers=strangers, settings=SETTINGS) == result
    assert (out / "report.html").read_bytes() == page
    assert {file: file.stat().st_mtime_ns for file in before} == before
