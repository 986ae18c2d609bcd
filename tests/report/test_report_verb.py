"""``facedistill report``: what it writes, and what it refuses."""

from pathlib import Path

import pytest
import tiny
from said import Call

from facedistill.report import findings as found
from facedistill.report import judged
from facedistill.report.findings import _networks
from facedistill.report.people import People, people_at
from facedistill.report.people import strangers as draw_strangers
from facedistill.report.run import FinishedRun, open_run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb has no switch for how sure it is to be."""
    monkeypatch.setattr(found, "REPLICATES", 5)
    monkeypatch.setattr(found, "receptive_fields", lambda *_: None)
    monkeypatch.setattr(judged, "det_band", lambda *_: None)


def test_page_and_card_go_to_the_run(call: Call, quick: None, run: FinishedRun, strangers: Path) -> None:
    before = set(run.folder.iterdir())
    said = call("report", run.folder, "--data", strangers)
    assert said.code == 0, said.err
    made = {run.folder / "report.html", run.folder / "MODEL_CARD.md"}
    assert set(run.folder.iterdir()) - before == made
    assert str(run.folder / "report.html") in said.out
    again = call("report", run.folder, "--data", strangers)
    assert "report.html exists and is never overwritten" in again.error
    for file in made:
        file.unlink()


def test_elsewhere_only_the_page_is_written(
    call: Call, quick: None, run: FinishedRun, strangers: Path, tmp_path: Path
) -> None:
    assert call("report", run.folder, "--data", strangers, "--out", tmp_path / "page.html").code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_what_is_no_run_is_one_sentence(
    call: Call, run: FinishedRun, other: Path, place: Path, tmp_path: Path, drawn: People
) -> None:
    out = tmp_path / "page.html"
    assert "holds no finished run" in call("report", place / "teacher", "--out", out).error
    (tmp_path / "compared").mkdir()
    (tmp_path / "compared" / "compare.yaml").write_text("rows: {}\n")
    assert "is a comparison, whose page is" in call("report", tmp_path / "compared", "--out", out).error
    (tmp_path / "nameless").mkdir()
    (tmp_path / "nameless" / "a.png").write_bytes(b"")
    said = call("report", run.folder, "--data", tmp_path / "nameless", "--out", out)
    assert said.code != 0
    assert not out.exists()


def test_another_runs_package_is_refused(call: Call, other: Path, package, strangers: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    said = call("report", other, "--package", package.folder, "--data", strangers, "--out", out)
    assert "was exported from other weights" in said.error
    assert not out.exists()


def test_a_teacher_that_is_gone_is_said(run: FinishedRun, tmp_path: Path) -> None:
    recipe = run.recipe.model_copy(update={"teacher": {"live": {"weights": str(tmp_path / "gone")}}})
    networks, notes = _networks(FinishedRun(run.folder, recipe, run.result, run.environment, run.log), tiny.net(), None)
    assert list(networks) == ["student"]
    assert notes[0].startswith("The teacher is not shown: There are no weights at")


def test_a_plain_network_has_no_teacher(other: Path) -> None:
    assert list(_networks(open_run(other), tiny.net(), None)[0]) == ["network"]


def test_strangers_are_never_those_of_the_training(run: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    class Drawn:
        def __init__(self, *, seed: int, **_: object) -> None:
            seeds.append(seed)
            raise InterruptedError

    monkeypatch.setattr("facedistill.report.people.DrawnFaces", Drawn)
    for drawn in (None, {"seed": 3}, {"seed": 1000}):
        recipe = run.recipe.model_copy(update={"data": run.recipe.data.model_copy(update={"drawn": drawn})})
        with pytest.raises(InterruptedError):
            draw_strangers(recipe)
    assert seeds == [1000, 1000, 1001]


def test_only_figures_with_pairs_behind_them_are_asked_for(drawn: People, strangers: Path) -> None:
    assert drawn.fars == (1e-2,), "1,710 pairs of strangers cannot show 30 errors at 1e-2, and something is asked for"
    assert people_at(strangers).fars == (1e-2,)
