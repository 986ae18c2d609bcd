"""Recipes in the documentation are strict, and name what exists."""

import re
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file

from facedistill.config import load_recipe
from facedistill.train.assemble import resolve
from facedistill.train.run import fit

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"
SHOWN = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_there_are_some() -> None:
    assert SHOWN


@pytest.mark.parametrize("text", SHOWN, ids=range(len(SHOWN)))
def test_every_name_and_option_is_known(text: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    resolve(load_recipe(file))


def test_a_teacher_over_a_students_head_hands_it_on(tmp_path: Path) -> None:
    """Student's head: the recipes of the page, on networks small enough to train here."""
    faces = tiny.write_faces(tmp_path / "faces")
    teacher = {"vit": {**tiny.VIT["vit"], "embedding": 8}}
    fit(tiny.recipe(faces, tmp_path / "first", training={"epochs": 1}))
    for before, name, says in (
        ("first", "teacher", {"model": teacher}),
        ("teacher", "kept", {"method": "feature_consistency"}),
    ):
        taught = {"head": "inherited", "teacher": {"live": {"weights": tmp_path / before}}, **says}
        fit(tiny.recipe(faces, tmp_path / name, training={"epochs": 1}, **taught))
    first, *others = (load_file(tmp_path / name / "head.safetensors") for name in ("first", "teacher", "kept"))
    for other in others:
        directions = (torch.nn.functional.normalize(head["centres"]) for head in (first, other))
        torch.testing.assert_close(*directions)
