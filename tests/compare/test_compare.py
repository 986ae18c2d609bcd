"""A whole comparison: what runs, what is skipped, gone on with, failed, joined and told."""

import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tiny
from said import Call

from facedistill.compare.folder import alone_in
from facedistill.compare.joined import join
from facedistill.compare.plan import Group, plan
from facedistill.compare.run import FailedRuns, check_failures, compare
from facedistill.compare.runs import environment, run_all
from facedistill.config import load_recipe
from facedistill.errors import UserError
from facedistill.train.run import fit

TYPO = {"method": {"cosine": {}}, "weights": {"cosine.embeding": 2.0}}


def test_runs_train_once_and_are_then_skipped(write, commands: list, tmp_path: Path) -> None:
    comparison = write(seeds=[0, 1])
    first = compare(comparison)
    assert [(line.group.row, line.seeds) for line in first] == [("labels", (0, 1)), ("cosine", (0, 1))]
    assert len(commands) == 4
    assert all(line.images_per_s and line.training_s is not None for line in first)
    models = sorted((tmp_path / "out" / "runs").rglob("model.safetensors"))
    before = {file: file.read_bytes() for file in models}
    second = compare(comparison)
    assert len(commands) == 4, "nothing is trained again"
    assert {file: file.read_bytes() for file in models} == before
    assert [line.cells for line in second] == [line.cells for line in first]
    assert {entry.name for entry in tmp_path.iterdir()} == {
        "faces", "strangers", "teacher", "base.yaml", "compare.yaml", "out",
    }  # fmt: skip
    assert len(list((tmp_path / "out" / "embeddings").iterdir())) == 4, "one a network, and only here"


def test_a_stopped_run_goes_on_from_its_checkpoint(write, commands: list, tmp_path: Path) -> None:
    comparison = write()
    planned = plan(comparison).runs
    whole = fit(planned[0].recipe.model_copy(update={"out": tmp_path / "whole"}))
    fit(planned[0].recipe)
    out = planned[0].recipe.out
    (out / "result.json").unlink()
    shutil.rmtree(out / "checkpoints" / "epoch-0002")
    assert run_all(planned, tmp_path / "out") == {planned[0].name: None, planned[1].name: None}
    assert [command[-1] == "--resume" for command in commands] == [True, False]
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert json.loads((out / "result.json").read_text())["epochs"] == whole["epochs"]


def test_a_run_without_a_checkpoint_begins_anew(write, commands: list, tmp_path: Path) -> None:
    planned = plan(write(rows={"labels": {}})).runs
    fit(planned[0].recipe)
    out = planned[0].recipe.out
    for part in ("checkpoints", "model.safetensors", "head.safetensors", "result.json"):
        shutil.rmtree(out / part) if (out / part).is_dir() else (out / part).unlink()
    assert run_all(planned, tmp_path / "out") == {planned[0].name: None}
    assert "--resume" not in commands[0]


def test_rows_of_several_students_and_teachers_stand_side_by_side(write, commands: list, tmp_path: Path) -> None:
    nets = {name: {"tiny.net": {"embedding": wide}} for name, wide in (("small", 12), ("wide", 16))}
    teachers = {name: {"weights": str(tmp_path / "teacher")} for name in ("a", "b")}
    table = compare(write(students=nets, teachers=teachers))
    asked = [(student, row) for student in nets for row in ("labels", "cosine@a", "cosine@b")]
    assert [(line.group.student, line.group.taught) for line in table] == asked
    assert all(line.cells and line.seeds == (0,) for line in table)
    assert len(list((tmp_path / "out" / "embeddings").iterdir())) == 4, "a and b are one teacher"


def test_a_failed_run_is_told_and_the_others_go_on(write, commands: list, tmp_path: Path) -> None:
    comparison = write(rows={"typo": TYPO, "labels": {}}, reference="labels")
    table = compare(comparison)
    labels, typo = table
    assert (labels.group.row, labels.failed) == ("labels", {})
    assert typo.cells == {}
    assert "did you mean 'cosine.embedding'" in typo.failed[0]
    for name in ("table.md", "report.html", "table.csv"):
        assert "cosine.embeding" in (tmp_path / "out" / name).read_text(), name
    html = (tmp_path / "out" / "report.html").read_text()
    assert re.search(r'colspan="1">\s*<div class="failed">seed 0 failed: [^<]*cosine.embeding', html)
    with pytest.raises(FailedRuns, match="1 run failed"):
        check_failures(table, comparison.out)
    assert len(commands) == 2
    compare(comparison)
    assert len(commands) == 3, "what failed is tried again"


def test_students_of_a_failed_teacher_fail_without_being_run(write, commands: list, tmp_path: Path) -> None:
    teacher = {"recipe": str(tmp_path / "base.yaml"), "changes": {"data": {"root": str(tmp_path / "nowhere")}}}
    planned = plan(write(teachers={"t": teacher}))
    outcomes = run_all(planned.runs, tmp_path / "out")
    assert len(commands) == 2, "the teacher and labels"
    assert outcomes["tiny.net/labels/seed0"] is None
    assert re.match(r"its teacher failed: .*nowhere", outcomes["tiny.net/cosine@t/seed0"] or "")


def test_a_trained_teacher_teaches(write, commands: list, tmp_path: Path) -> None:
    planned = plan(write(teachers={"t": {"recipe": str(tmp_path / "base.yaml")}}))
    assert set(run_all(planned.runs, tmp_path / "out").values()) == {None}
    assert [Path(command[1]).name for command in commands] == ["t.yaml", "seed0.yaml", "seed0.yaml"]


def test_another_budget_does_not_go_on_with_the_runs(write, commands: list) -> None:
    compare(write())
    with pytest.raises(UserError, match=r"begun with another training\.epochs"):
        compare(write(changes={"training": {"epochs": 3}}))
    assert len(commands) == 2


def test_what_stands_in_the_folder_is_left_alone(write, commands: list, tmp_path: Path) -> None:
    before = (tmp_path / "base.yaml").read_bytes()
    for out in ("faces", "base.yaml"):
        with pytest.raises(UserError, match=r"choose another out="):
            compare(write(out=str(tmp_path / out)))
    assert commands == []
    assert (tmp_path / "base.yaml").read_bytes() == before
    assert {entry.name for entry in (tmp_path / "faces").iterdir()} == {f"p{n}" for n in range(6)}


def test_other_rows_of_another_budget_do_not_share_the_folder(write, commands: list) -> None:
    compare(write(rows={"labels": {}}))
    with pytest.raises(UserError, match=r"holds runs of another training\.epochs, such as .*labels"):
        compare(write(rows={"softmax": {"head": "softmax"}}, changes={"training": {"epochs": 3}}))
    assert len(commands) == 1


def test_a_run_that_outlives_its_call_keeps_others_out(write, commands: list, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with alone_in(out) as inherited:
        orphan = subprocess.Popen(["sleep", "60"], pass_fds=inherited)
    try:
        with pytest.raises(UserError, match="at work in"):
            compare(write())
        assert commands == []
    finally:
        orphan.kill()
        orphan.wait()
    assert len(compare(write(rows={"labels": {}}))) == 1


@pytest.fixture
def elsewhere(write, tmp_path: Path) -> Path:
    """A finished run of the same budget."""
    fit(tiny.recipe(tmp_path / "faces", tmp_path / "elsewhere", training={"epochs": 2}, seed=7, head="softmax"))
    return tmp_path / "elsewhere"


def test_a_finished_run_joins_and_stays(write, commands: list, elsewhere: Path) -> None:
    comparison = write()
    table = compare(comparison, add=[f"softmax={elsewhere}"])
    assert (table[-1].group, table[-1].seeds) == (Group("softmax", "tiny.net", None), (7,))
    gain = next(iter(table[-1].cells.values())).gain
    assert gain is not None, "it is compared with the reference"
    assert compare(comparison)[-1] == table[-1], "joined for good"
    more = compare(comparison, add=[f"softmax={elsewhere}"])
    assert len(more) == len(table), "the same run does not join twice"
    for again in (f"labels={elsewhere}", str(elsewhere)):
        with pytest.raises(UserError, match=r"is row 'softmax' of this table already"):
            compare(comparison, add=[again])


def test_a_run_of_another_budget_is_refused_unless_forced(
    write, commands: list, tmp_path: Path, elsewhere: Path
) -> None:
    other = tiny.recipe(
        tmp_path / "faces",
        tmp_path / "longer",
        training={"epochs": 3},
        data={"root": tmp_path / "faces", "views": {"mirror": 0.1}},
    )
    fit(other)
    comparison = write()
    with pytest.raises(UserError, match=r"another data\.views\.mirror, training\.epochs.*--force"):
        compare(comparison, add=[str(other.out)])
    assert commands == [], "nothing has trained"
    assert not (comparison.out / "joined.json").exists()
    table = compare(comparison, add=[str(other.out)], force=True)
    assert table[-1].group.row == "longer"
    assert table[-1].notes == ("another data.views.mirror, training.epochs",)
    assert "another data.views.mirror" in (comparison.out / "report.html").read_text()


def test_what_cannot_join_is_one_sentence(write, tmp_path: Path, elsewhere: Path) -> None:
    planned = plan(write())
    with pytest.raises(UserError, match="holds no finished run"):
        join(tmp_path / "out", planned, [str(tmp_path / "teacher")])
    fit(planned.runs[0].recipe)
    with pytest.raises(UserError, match=r"is row 'labels' of this table already"):
        join(tmp_path / "out", planned, [str(planned.runs[0].recipe.out)])
    (elsewhere / "model.safetensors").rename(tmp_path / "taken")
    with pytest.raises(UserError, match=r"since it has no model\.safetensors"):
        join(tmp_path / "out", planned, [str(elsewhere)])
    (elsewhere / "result.json").write_text("{")
    with pytest.raises(UserError, match=r"result\.json is not whole; remove it"):
        join(tmp_path / "out", planned, [str(elsewhere)])
    other = tiny.recipe(
        tmp_path / "faces", tmp_path / "wide", training={"epochs": 2}, model={"tiny.net": {"embedding": 9}}
    )
    fit(other)
    with pytest.raises(UserError, match="another model;"):
        join(tmp_path / "out", planned, [str(other.out)])
    fit(tiny.recipe(tmp_path / "faces", tmp_path / "again", training={"epochs": 2}))
    with pytest.raises(UserError, match=r"'labels' has seed 0 already.*NAME=RUN"):
        join(tmp_path / "out", planned, [f"labels={tmp_path / 'again'}"])


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert [environment(slot, 3)["OMP_NUM_THREADS"] for slot in range(3)] == ["2"] * 3
    assert [environment(slot, 3)["CUDA_VISIBLE_DEVICES"] for slot in range(3)] == ["4", "6", "4"]
    assert environment(0, 1) == dict(os.environ), "one run alone has everything"


def test_the_command_runs_processes_of_its_own(
    call: Call, write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(tiny.__file__).parent))
    write(rows={"labels": {}, "typo": TYPO})
    said = call("compare", tmp_path / "compare.yaml", "--jobs", "2", "changes.training.epochs=1")
    assert said.code == 1
    assert "1 run failed" in said.error
    assert re.search(r"labels +[\d.]+ \([\d.]+ to [\d.]+\) +1-1", said.out)
    assert re.search(r"typo@old +failed", said.out)
    assert "did you mean 'cosine.embedding'" in said.out
    assert "2 of 2 runs ended, 1 failed" in said.err
    recipe = load_recipe(tmp_path / "out" / "runs" / "tiny.net" / "labels" / "seed0" / "config.yaml")
    assert recipe.training.epochs == 1
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text().splitlines()))
    assert [(row["row"], row["figure"]) for row in rows] == [("labels", "TAR at FAR 0.1"), ("typo", "")]
