"""Packaged comparisons: every row can be taught by its teacher, and weighs only terms that its methods have."""

import shutil
from pathlib import Path

import pytest
import tiny
import torch

from facedistill.backbones.load import SNAPSHOTS, load_backbone, write_tensors
from facedistill.catalogue import catalogue
from facedistill.compare.file import load_comparison
from facedistill.compare.plan import plan
from facedistill.config import load_recipe
from facedistill.data.folder import FolderFaces
from facedistill.method import AbstractMethod
from facedistill.packaged import packaged_comparisons
from facedistill.recipe import Recipe
from facedistill.train.assemble import Sets, resolve
from facedistill.train.prepare import prepare

DRAWN, REAL = "leaderboard_drawn", "leaderboard_celeba269"
NEEDS_MORE = {"residual", "rskd"}
"""Methods that one plain student and one teacher cannot run."""
PEOPLE = 4


def write_trained(folder: Path, choice: object) -> None:
    """What a training with snapshots leaves behind, without the training."""
    tiny.write_teacher(folder, choice)
    width = load_backbone(folder).spec.embedding
    write_tensors({"centres": torch.eye(PEOPLE, width)}, folder / "head.safetensors", {})
    (folder / SNAPSHOTS).mkdir()
    for number in range(2):
        shutil.copy(folder / "model.safetensors", folder / SNAPSHOTS / f"{number}.safetensors")


@pytest.mark.parametrize("name", [DRAWN, REAL])
def test_it_has_every_method(tmp_path: Path, name: str) -> None:
    planned = plan(load_comparison(name, [f"out={tmp_path}"]))
    methods = {method for _, run in planned.of_students for method in run.recipe.method}
    assert methods == catalogue("methods", AbstractMethod).keys() - NEEDS_MORE


@pytest.mark.parametrize("name", sorted(packaged_comparisons()))
def test_its_runs_are_recipes(tmp_path: Path, name: str) -> None:
    compared = load_comparison(name, [f"out={tmp_path}"])
    assert len([run for _, run in plan(compared).of_students]) >= len(compared.rows) * len(compared.seeds)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Recipe], FolderFaces]:
    """What every row of drawn faces would train, by its name, and few faces for it; its teacher is there."""
    folder = tmp_path_factory.mktemp("drawn")
    planned = plan(load_comparison(DRAWN, [f"out={folder / 'out'}", "changes.training.batch=8"]))
    for run in planned.runs:
        if run.group is None:
            write_trained(run.recipe.out, run.recipe.model)
    faces = FolderFaces(tiny.write_faces(folder / "faces", identities=PEOPLE, images=2))
    return {group.row: run.recipe for group, run in planned.of_students}, faces


@pytest.mark.parametrize("row", load_comparison(DRAWN).rows)
def test_every_row_can_begin(row: str, begun: tuple[dict[str, Recipe], FolderFaces]) -> None:
    recipes, faces = begun
    assert len(prepare(recipes[row], lambda _: Sets(faces, faces, None)).loader) == 1


def test_real_faces_have_the_same_rows() -> None:
    """So that what the rows of drawn faces can do, theirs can."""
    drawn, real = (load_comparison(name).rows for name in (DRAWN, REAL))
    assert real.keys() == drawn.keys() - {"pocketnet"}, "nobody has the young EdgeFace"
    for name, row in real.items():
        for key in ("weights", "ramp"):
            assert row.get(key, {}).keys() == drawn[name].get(key, {}).keys(), name


@pytest.mark.parametrize("row", ["labels", "cosine", "proxyless", "urfm", "cakd", "cakd_proxyless"])
def test_rows_with_a_recipe_are_that_recipe(tmp_path: Path, row: str) -> None:
    """With its epochs and its speed; so that its runs can be joined, and benchmarks/celeba269.py says the same."""
    budget = ["changes.training.epochs=20", "changes.training.speed=off"]
    comparison = load_comparison(REAL, [*budget, f"out={tmp_path}"])
    planned = {group.row: run.recipe for group, run in plan(comparison).of_students}
    recipe = resolve(load_recipe(f"celeba269_{row}"))
    assert planned[row].model_copy(update={"out": recipe.out}) == recipe
