"""What can be named in a recipe, with the first sentence of its documentation."""

import inspect
import sys

from .catalogue import Builder, catalogue
from .config import packaged_recipes
from .train.assemble import CONTRACTS


def everything() -> dict[str, dict[str, str]]:
    """Backbones, heads, methods, teachers and recipes: ``{kind: {name: one sentence}}``."""
    offers = {
        package: {name: _sentence(builder) for name, builder in catalogue(package, contract).items()}
        for package, contract in CONTRACTS.values()
    }
    recipes = {name: file.read_text().partition("\n")[0].lstrip("# ") for name, file in packaged_recipes().items()}
    return dict(sorted(offers.items())) | {"recipes": recipes}


def _sentence(builder: Builder) -> str:
    """A function speaks for itself; a class for its file, which opens with the paper."""
    text = builder.__doc__ if inspect.isfunction(builder) else sys.modules[builder.__module__].__doc__
    return " ".join((text or "").strip().partition("\n\n")[0].split())
