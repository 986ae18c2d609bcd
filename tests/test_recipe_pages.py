"""Recipes in the documentation are strict, and name what exists."""

import re
from pathlib import Path

import pytest

from facedistill.config import load_recipe
from facedistill.train.assemble import resolve

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"
SHOWN = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_there_are_some() -> None:
    assert SHOWN


@pytest.mark.parametrize("text", SHOWN, ids=range(len(SHOWN)))
def test_every_name_and_option_is_known(text: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    resolve(load_recipe(file))
