"""The pages that show how to add a part: their code runs as it stands there."""

import importlib
import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from facedistill.backbones.contract import AbstractBackbone
from facedistill.backbones.load import save_backbone
from facedistill.config import read_overrides
from facedistill.method import AbstractMethod
from facedistill.recipe import Recipe
from facedistill.signature import build
from facedistill.teachers.contract import AbstractTeacher
from facedistill.testing.report import answers
from facedistill.train.objective import Objective, Weights
from facedistill.types import Batch, Spec

PAGE = (Path(__file__).parents[1] / "docs" / "extend.md").read_text()
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL))
RECIPES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
CHECKS = [shlex.split(line) for line in re.findall(r"^PYTHONPATH=\. facedistill check (.*)$", PAGE, re.MULTILINE)]
TESTS = [name for name in FILES if name.startswith("test_")]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files, where Python finds them."""
    for name, text in FILES.items():
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] in ("my_faces", *(test[:-3] for test in TESTS))]:
        del sys.modules[name]


@pytest.mark.parametrize("name", TESTS)
def test_the_pages_own_tests_pass(name: str, written: Path) -> None:
    torch.manual_seed(0)
    (written / "weights").mkdir()
    functions = inspect.getmembers(importlib.import_module(name[:-3]), inspect.isfunction)
    tests = [function for called, function in functions if called.startswith("test_")]
    assert tests
    for test in tests:
        test(**{argument: written / "weights" for argument in inspect.signature(test).parameters})


@pytest.mark.parametrize("told", CHECKS, ids=lambda told: told[0])
def test_the_pages_parts_pass_the_check(told: list[str], written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, *options = told
    backbone = "my_faces.plain.plain_tiny"
    for run in ("vit_a", "vit_b"):
        (written / "runs" / run).mkdir(parents=True)
        network = build("backbones", AbstractBackbone, backbone)
        save_backbone(network, backbone, written / "runs" / run / "model.safetensors")
    monkeypatch.chdir(written)
    promises = answers(name, read_overrides(options))
    broken = {answer.promise: answer.broken for answer in promises if answer.broken is not None}
    broken.pop("compiles whole", None)  # shapes are checked in this process, which no compiler can look through
    assert broken == {}


def test_the_pages_recipes_build_what_they_name(written: Path) -> None:
    name = "my_faces.plain.plain_tiny"
    save_backbone(build("backbones", AbstractBackbone, name), name, written / "model.safetensors")
    recipes = [
        Recipe.model_validate({"model": name, "data": {"root": "."}, "out": "x", **recipe}) for recipe in RECIPES
    ]
    *_, network = (build("backbones", AbstractBackbone, recipe.model) for recipe in recipes)
    methods = {
        name: build("methods", AbstractMethod, {name: options}, student=Spec(8), teacher=Spec(8))
        for recipe in recipes
        for name, options in recipe.method.items()
    }
    weights = {"weights": [str(written)]}
    (teacher,) = (
        build("teachers", AbstractTeacher, {name: weights}) for each in recipes for name in each.teacher or {}
    )
    objective = Objective(network, methods=methods, teacher=teacher)
    about = torch.arange(2)
    terms = objective(torch.zeros(2, 3, 112, 112, dtype=torch.uint8), Batch(about, about, about, torch.tensor(0.0)))
    Weights({term: 1.0 for recipe in recipes for term in recipe.weights}, {}).check(terms)


def test_every_kind_of_part_has_a_page() -> None:
    assert sum(name.startswith("my_faces/") for name in FILES) == len(TESTS) == len(RECIPES) == len(CHECKS) == 3
