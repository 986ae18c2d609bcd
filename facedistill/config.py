"""Recipes: strict YAML in, the resolved file out. YAML holds data only; nothing in it runs."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError, one_line
from .packaged import find_recipe
from .recipe import Recipe
from .signature import validated

_FLAT = {name for name, field in Recipe.model_fields.items() if field.annotation == dict[str, float]}
"""Keys whose own keys have dots: weights, ramps and rates of ``urfm.feature`` and the like."""


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, change it by ``a.b=c`` overrides, and check its keys.

    Args:
        path: a YAML file, or the name of a recipe that comes with the package.

    Raises:
        UserError: no such recipe, not YAML, an unknown key, a value of the wrong type.
    """
    file = find_recipe(path)
    values = read_values(file, overrides)
    try:
        return validated(Recipe, values, "")
    except UserError as error:
        raise UserError(f"{file.name}: {error}") from None


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML; loading it gives the same recipe."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)


def read_values(file: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a YAML file says, changed by ``a.b=c`` overrides; no key is checked.

    Raises:
        UserError: not YAML, or no mapping of keys to values.
    """
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not YAML: {one_line(error)}.") from None
    if not isinstance(values, dict):
        raise UserError(f"{file} must hold keys and values; it holds a {type(values).__name__}.")
    for override in overrides:
        _override(values, override)
    return values


def read_overrides(overrides: Sequence[str], onto: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """``["a.b=c"]`` as ``{"a": {"b": c}}``, values read as YAML; a copy of ``onto`` changed by them, where given.

    Raises:
        UserError: one without ``=``, or a value that is no YAML.
    """
    values: dict[str, Any] = deepcopy(dict(onto or {}))
    for override in overrides:
        _override(values, override)
    return values


def _override(values: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise UserError(f"'{override}' is not of the form key=value, such as training.epochs=40.")
    *parents, last = path.split(".", 1) if path.partition(".")[0] in _FLAT else path.split(".")
    for part in parents:
        values[part] = _mapping(values.get(part))
        values = values[part]
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"'{text}' in '{override}' is not YAML.") from None


def _mapping(value: Any) -> dict[str, Any]:
    """Bare names and lists of choices as keys, so that an override reaches into them."""
    if isinstance(value, list):
        return {name: options for choice in value for name, options in _mapping(choice).items()}
    return {value: {}} if isinstance(value, str) else value if isinstance(value, dict) else {}
