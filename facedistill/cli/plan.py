"""``plan``: what a training will take."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from .options import AsJson, Overrides, RecipeName
from .show import print_table


def plan(
    recipe: RecipeName,
    overrides: Overrides = None,
    identities: Annotated[int, typer.Option(min=2, help="People in the training set.")] = 93431,
    world: Annotated[int, typer.Option(min=1, help="Processes, each with the recipe's batch.")] = 1,
    gbit_per_s: Annotated[float, typer.Option(min=0.001, help="What goes between two processes.")] = 25.0,
    as_json: AsJson = False,
) -> None:
    """Say what each process of a training will hold, and how long a step will take on machines like this one."""
    from ..config import load_recipe
    from ..plan.plan import plan as planned

    made = planned(load_recipe(recipe, overrides or []), identities, world, gbit_per_s)
    if as_json:
        held = {name: asdict(each) for name, each in made.held.items()}
        print(json.dumps({"bytes": held, "total_bytes": made.total.total, "seconds": dict(made.seconds)}, indent=2))
        return
    columns = ("in each process, MB", "weights", "gradients", "optimiser", "activations", "all")
    rows = [(name, each) for name, each in made.held.items() if each.total] + [("all", made.total)]
    cells = [(name, *(f"{value / 1e6:,.1f}" for value in (*asdict(each).values(), each.total))) for name, each in rows]
    print_table(f"{recipe}, {identities:,} identities, {world} processes", columns, cells)
    spent = [(name, f"{seconds:.4f}") for name, seconds in made.seconds.items()]
    print_table("One step", ("spent on", "seconds"), [*spent, ("all", f"{sum(made.seconds.values()):.4f}")])
