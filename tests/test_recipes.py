"""Every recipe is strict, short, and names what exists."""

from pathlib import Path

import pytest

from facedistill.config import dump_recipe, load_recipe
from facedistill.errors import UserError
from facedistill.packaged import packaged_comparisons, packaged_recipes
from facedistill.train.assemble import resolve

FOLDER = Path(__file__).parents[1] / "recipes"
RECIPES = sorted({*FOLDER.rglob("*.yaml")} - {*packaged_comparisons().values()})
LINES = 30


def test_there_are_recipes() -> None:
    assert RECIPES
    assert set(packaged_recipes().values()) == set(RECIPES)


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_name_and_option_is_known(file: Path) -> None:
    resolve(load_recipe(file))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_it_is_short_and_says_what_it_is(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert len(lines) <= LINES
    assert lines[0].startswith("# "), "a recipe opens with what it trains"


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_the_resolved_file_means_the_same(file: Path, tmp_path: Path) -> None:
    resolved = resolve(load_recipe(file))
    copy = tmp_path / "config.yaml"
    copy.write_text(dump_recipe(resolved))
    assert resolve(load_recipe(copy)) == resolved


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_misspelt_key_is_refused(file: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'epochs'"):
        load_recipe(file, ["training.epoch=3"])


def test_recipes_of_one_table_have_one_budget() -> None:
    """Rows of a comparison differ in what is compared, and in nothing else."""
    rows = [load_recipe(file) for file in FOLDER.glob("celeba269_*.yaml")]
    budgets = {
        dump_recipe(
            row.model_copy(
                update={
                    "head": None,
                    "teacher": None,
                    "method": {},
                    "weights": {},
                    "ramp": {},
                    "lr_scale": {},
                    "out": Path("x"),
                }
            )
        )
        for row in rows
    }
    assert len(budgets) == 1
