"""What a comparison expands to, and what is refused before anything trains."""

import re
from pathlib import Path

import pytest

from facedistill.compare.benchmarks import open_benchmarks
from facedistill.compare.file import load_comparison
from facedistill.compare.plan import Group, plan
from facedistill.errors import UserError
from facedistill.packaged import packaged_comparisons


def test_rows_students_teachers_and_seeds_are_multiplied(write, tmp_path: Path) -> None:
    small = {"tiny.net": {"embedding": 4}}
    teachers = {"old": {"weights": "a"}, "new": {"weights": "b", "precision": "bf16"}}
    planned = plan(write(students={"big": "tiny.net", "small": small}, teachers=teachers, seeds=[3, 4]))
    names = [run.name for run in planned.runs]
    of_seed = [
        f"{student}/{row}/seed3" for student in ("big", "small") for row in ("labels", "cosine@old", "cosine@new")
    ]
    assert names == [*of_seed, *(name.replace("seed3", "seed4") for name in of_seed)], "no teacher multiplies labels"
    by_name = {run.name: run for run in planned.runs}
    one = by_name["small/cosine@new/seed4"]
    assert one.group == Group("cosine", "small", "new")
    assert one.recipe.seed == 4
    assert one.recipe.out == tmp_path / "out" / "runs" / one.name
    assert one.recipe.model["tiny.net"]["embedding"] == 4
    assert one.recipe.teacher == {"live": {"weights": "b", "backbone": None, "precision": "bf16"}}
    assert one.recipe.weights == {"cosine.embedding": 2.0}
    assert by_name["big/labels/seed3"].recipe.teacher is None


def test_all_runs_have_one_budget_and_one_set_of_views(write) -> None:
    changes = {"training": {"epochs": 7}, "data": {"views": {"mirror": 0.25}}}
    planned = plan(write(changes=changes, seeds=[0, 1]))
    for run in planned.runs:
        assert run.recipe.training.epochs == 7
        assert run.recipe.training.batch == 8, "what is not changed stays"
        assert run.recipe.data == planned.base.data
        assert run.recipe.data.views["mirror"] == 0.25
        assert (run.recipe.optimiser, run.recipe.schedule) == (planned.base.optimiser, planned.base.schedule)


def test_a_teacher_is_trained_once_and_first(write, tmp_path: Path) -> None:
    recipe = {"recipe": str(tmp_path / "base.yaml"), "changes": {"training": {"epochs": 5}}}
    planned = plan(write(teachers={"own": recipe, "unused": recipe}, rows={"a": {}, "b": {"teacher": "live"}}))
    first, *_ = planned.runs
    assert (first.name, first.group, first.recipe.training.epochs) == ("teachers/own", None, 5)
    assert [run.needs for run in planned.runs if run.group and run.group.row == "b"] == [
        "teachers/own",
        "teachers/unused",
    ]
    assert plan(write(teachers={"own": recipe}, rows={"a": {}})).runs[0].name == "tiny.net/a/seed0", "nobody asks it"


def test_a_row_chooses_its_head_and_its_kind_of_teacher(write) -> None:
    row = {"head": None, "teacher": {"live": {"precision": "bf16"}}, "method": "proxyless"}
    (run,) = plan(write(rows={"proxyless": row})).runs
    assert run.recipe.head is None
    assert run.recipe.teacher is not None
    assert run.recipe.teacher["live"]["precision"] == "bf16"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rows": {"x": {"method": {"cosin": {}}}}}, r"rows\.x: Unknown method 'cosin'; did you mean 'cosine'"),
        ({"rows": {"x": {"method": {"rkd": {"normalize": True}}}}}, "did you mean 'normalise'"),
        ({"rows": {"x": {"optimiser": "sgd"}}}, r"Unknown key 'optimiser' in rows\.x.*'changes'"),
        ({"rows": {"a/b": {}}}, "'a/b' names folders"),
        ({"refernce": "labels"}, "did you mean 'reference'"),
        ({"reference": "label"}, "did you mean 'labels'"),
        ({"teachers": {}}, "'cosine' learns from a teacher, and there is none"),
        ({"teachers": {"t": {"recipe": "base", "change": {}}}}, "did you mean 'changes'"),
        ({"seeds": [1, 1]}, "'seeds' has one twice"),
        ({"changes": {"training": {"epoch": 1}}}, "did you mean 'epochs'"),
        ({"seeds": [-1]}, r"'seeds\.0' cannot be -1"),
        ({"seeds": []}, r"'seeds' cannot be \[\]: it needs at least one\."),
        ({"seeds": 3}, "'seeds' cannot be 3: it takes a list"),
        ({"rows": {"x": "cosine"}}, r"'rows\.x' cannot be 'cosine': it takes keys and values"),
        ({"students": {"s": "mobilefacenet_1m3"}}, r"students\.s: .*did you mean 'mobilefacenet_1m2'"),
        ({"judge": {}}, "'judge' needs 'drawn'"),
    ],
)
def test_what_cannot_work_is_one_sentence(write, tmp_path: Path, changes: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        plan(write(**changes))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("judges", "sentence"),
    [
        ({"seed": 5}, "seed 5 of the trainings"),
        ({"seed": 6, "identities": 19}, "19 people with 2 images or more; ten folds of pairs need 20 people"),
        ({"seed": 6, "identities": 20, "images_per_identity": 1}, "20 people with 1 images"),
    ],
)
def test_people_who_cannot_judge_are_refused(write, judges: dict, sentence: str) -> None:
    drawn = {"identities": 2, "images_per_identity": 2, "seed": 5, "size_px": 16}
    comparison = write(changes={"data": {"root": None, "drawn": drawn}}, judge={"drawn": judges})
    with pytest.raises(UserError, match=sentence):
        open_benchmarks(comparison.judge, plan(comparison))


@pytest.mark.parametrize("name", packaged_comparisons())
def test_packaged_comparisons_know_every_name(name: str, tmp_path: Path) -> None:
    comparison = load_comparison(name, [f"out={tmp_path}"])
    planned = plan(comparison)
    assert {group.row for group, _ in planned.of_students} == set(comparison.rows)
    assert comparison.judge.drawn is None or comparison.judge.drawn["seed"] != planned.base.data.drawn["seed"]


def test_an_unknown_file_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'compare_demo'"):
        load_comparison("compare_dem")
    with pytest.raises(UserError, match=r"There is no file mine\.yaml"):
        load_comparison("mine.yaml")


def test_a_misspelt_key_comes_before_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: x\nrow: {}\n")
    with pytest.raises(UserError, match=r"mine\.yaml: Unknown key 'row' in the comparison; did you mean 'rows'"):
        load_comparison(tmp_path / "mine.yaml")


def test_the_example_of_the_page_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()
    (tmp_path / "mine.yaml").write_text(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    planned = plan(load_comparison(tmp_path / "mine.yaml", [f"out={tmp_path / 'out'}"]))
    assert len(list(planned.of_students)) == 3 * (1 + 3 * 2), "three seeds; labels, and three rows from two teachers"
