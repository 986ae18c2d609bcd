"""``list`` and ``config``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import unknown
from .options import AsJson, Overrides, RecipeName, check_new_file
from .show import print_table

if TYPE_CHECKING:
    from ..listing import MethodEntry

METHODS = "methods"

config_app = typer.Typer(no_args_is_help=True, help="Copy, check and show recipes.")


def list_(
    what: Annotated[
        str | None,
        typer.Argument(help="backbones, heads, methods, teachers, recipes or comparisons; all of them by default."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What can be named in a recipe; of the methods alone also paper, year, needs and cost."""
    from ..listing import everything, methods

    offers = everything()
    if what is not None and what not in offers:
        raise unknown("kind", what, offers)
    if what == METHODS:
        _print_methods(methods(), as_json)
        return
    chosen = offers if what is None else {what: offers[what]}
    if as_json:
        print(json.dumps(chosen, indent=2))
        return
    for kind, names in chosen.items():
        print_table(kind, ("name", "what it is"), list(names.items()))


def _print_methods(entries: "dict[str, MethodEntry]", as_json: bool) -> None:
    if as_json:
        print(json.dumps({METHODS: {name: entry.as_dict() for name, entry in entries.items()}}, indent=2))
        return
    # Five columns would be words below words at 80 characters.
    rows = [
        (name, entry.year, f"{entry.paper}.\nneeds {', '.join(entry.cost.needs)}\ncosts {entry.cost}")
        for name, entry in entries.items()
    ]
    print_table(f"{len(rows)} methods", ("name", "year", "paper, needs, cost"), rows, between=True)


@config_app.command("cp")
def config_cp(
    recipe: RecipeName, destination: Annotated[Path, typer.Argument(help="File or folder to copy it to.")]
) -> None:
    """Copy a packaged recipe, to change it."""
    from ..packaged import find_recipe

    source = find_recipe(recipe)
    target = destination / source.name if destination.is_dir() else destination
    check_new_file(target)
    target.write_text(source.read_text())
    print(target)


@config_app.command("validate")
def config_validate(recipe: RecipeName, overrides: Overrides = None) -> None:
    """Check every name and every option of a recipe."""
    from ..config import load_recipe
    from ..train.assemble import resolve

    resolve(load_recipe(recipe, overrides or []))
    print(f"{recipe}: every name and option is known.")


@config_app.command("show")
def config_show(recipe: RecipeName, overrides: Overrides = None) -> None:
    """Print a recipe with every default written out."""
    from ..config import dump_recipe, load_recipe
    from ..train.assemble import resolve

    print(dump_recipe(resolve(load_recipe(recipe, overrides or []))), end="")
