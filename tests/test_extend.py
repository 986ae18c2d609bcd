"""The pages that show how to add a part: their code runs as it stands there."""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from facedistill.backbones.contract import AbstractBackbone
from facedistill.backbones.load import save_backbone
from facedistill.config import Recipe, build
from facedistill.method import AbstractMethod
from facedistill.teachers.contract import AbstractTeacher
from facedistill.types import Spec

PAGE = (Path(__file__).parents[1] / "docs" / "extend.md").read_text()
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL))
RECIPES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
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


def test_the_pages_recipes_build_what_they_name(written: Path) -> None:
    save_backbone(
        build("backbones", AbstractBackbone, "my_faces.plain.plain_tiny"),
        "my_faces.plain.plain_tiny",
        written / "model.safetensors",
    )
    for recipe in RECIPES:
        whole = Recipe.model_validate({"model": "mobilefacenet_1m2", "data": {"root": "."}, "out": "runs/x", **recipe})
        build("backbones", AbstractBackbone, whole.model)
        for name, options in whole.method.items():
            build("methods", AbstractMethod, {name: options}, student=Spec(8), teacher=Spec(8))
        for name in whole.teacher or {}:
            build("teachers", AbstractTeacher, {name: {"weights": [str(written)]}})


def test_every_kind_of_part_has_a_page() -> None:
    assert sum(name.startswith("my_faces/") for name in FILES) == len(TESTS) == len(RECIPES) == 3
