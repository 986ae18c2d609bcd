"""Recipes are strict, name what is wrong, and survive a round trip."""

from pathlib import Path

import pytest

from facedistill.config import dump_recipe, load_recipe
from facedistill.errors import UserError
from facedistill.method import AbstractMethod
from facedistill.signature import build, call, checked

RECIPE = """
model: {mobilefacenet_1m2: {size_px: 64}}
head: cosface
data: {root: faces, validation_identities: 3}
training: {epochs: 2}
out: runs/x
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(RECIPE)
    return file


def test_a_recipe_is_read_with_its_defaults(recipe: Path) -> None:
    read = load_recipe(recipe)
    assert read.model == {"mobilefacenet_1m2": {"size_px": 64}}
    assert read.head == {"cosface": {}}
    assert read.training.batch == 128
    assert read.training.epochs == 2


def test_overrides_reach_nested_and_bare_choices(recipe: Path) -> None:
    overrides = ["data.root=elsewhere", "head.cosface.margin=0.3", "training.epochs=7", "optimiser.sgd.lr=1e-3"]
    read = load_recipe(recipe, overrides)
    assert read.data.root == Path("elsewhere")
    assert read.head == {"cosface": {"margin": 0.3}}
    assert read.training.epochs == 7


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.epoch=3", "small.yaml: Unknown key 'epoch' in training; did you mean 'epochs'?"),
        ("traning.epochs=3", "small.yaml: Unknown key 'traning' in the recipe; did you mean 'training'?"),
        ("training.epochs=many", "'training.epochs' cannot be 'many'"),
        ("data.drawn={}", "'data' needs either 'root'"),
        ("head={cosface: {}, arcface: {}}", "'head' takes one name"),
        ("epochs", "'epochs' is not of the form key=value"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(recipe: Path, override: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        load_recipe(recipe, [override])
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("out: runs/x", ""))
    with pytest.raises(UserError, match="'out' is missing"):
        load_recipe(recipe)


def test_the_resolved_file_gives_the_same_recipe(recipe: Path, tmp_path: Path) -> None:
    read = load_recipe(recipe)
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(dump_recipe(read))
    assert load_recipe(resolved) == read


def test_yaml_runs_nothing(recipe: Path) -> None:
    recipe.write_text(RECIPE + "seed: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(UserError, match="is not YAML"):
        load_recipe(recipe)


def test_an_unknown_recipe_names_those_that_exist() -> None:
    with pytest.raises(UserError, match="Unknown recipe"):
        load_recipe("celeba_nothing_of_the_kind")


def _builder(width: int, *, depth: int = 2, rate: float) -> tuple[int, int, float]:
    return width, depth, rate


def test_context_comes_by_position_and_options_by_keyword() -> None:
    assert call(_builder, {"rate": "1e-3"}, where="net", width=8, unused=1) == (8, 2, 1e-3)


def test_an_option_cannot_set_context() -> None:
    with pytest.raises(UserError, match="Unknown key 'width' in net"):
        checked(_builder, {"width": 3, "rate": 0.1}, where="net")


def test_a_missing_option_is_named() -> None:
    with pytest.raises(UserError, match=r"'net\.rate' is missing"):
        checked(_builder, {}, where="net")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="Unknown method 'cosin'"):
        build("methods", AbstractMethod, "cosin")
