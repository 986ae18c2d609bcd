"""What the runs of one table have in common: on what they are trained, for how long, and how fast they learn."""

from collections.abc import Mapping
from typing import Any

from ..recipe import Recipe
from ..train.resume import differing

BUDGET = ("data", "training", "optimiser", "schedule")
"""Keys of a recipe in which the runs of one table are alike."""


def unlike_budget(said: Mapping[str, Any], base: Recipe) -> list[str]:
    """Keys of the budget in which a resolved recipe, as plain values, is unlike ``base``."""
    shared = base.model_dump(mode="json")
    return differing({key: said.get(key) for key in BUDGET}, {key: shared[key] for key in BUDGET})
