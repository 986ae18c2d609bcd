"""``train``, ``distill``, ``replay`` and ``demo``."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..errors import UserError
from .options import AsJson, DryRun, Overrides, RecipeName, Resume
from .show import print_table, short


def train(
    recipe: RecipeName,
    overrides: Overrides = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Train a teacher, or a plain student from labels only."""
    from ..config import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    if loaded.teacher is not None or loaded.method:
        raise UserError(f"Recipe {recipe} has a teacher or a method; use `facedistill distill {recipe}`.")
    _run(loaded, resume, dry_run, as_json)


def distill(
    recipe: RecipeName,
    overrides: Overrides = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    quantize: Annotated[
        bool,
        typer.Option("--quantize", help="RECIPE is a finished run: go on a tenth as long, rounding as eight bits do."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a student with what a teacher knows."""
    from ..config import load_recipe
    from ..train.continued import quantising

    loaded = quantising(Path(recipe), overrides or []) if quantize else load_recipe(recipe, overrides or [])
    if loaded.teacher is None:
        raise UserError(f"Recipe {recipe} has no teacher; give it one, or use `facedistill train {recipe}`.")
    _run(loaded, resume, dry_run, as_json)


def replay(
    bundle: Annotated[Path, typer.Argument(help="A folder below <run>/replay.")], as_json: AsJson = False
) -> None:
    """Take a step again whose loss was no number; exit code 1 where it is none again."""
    from ..train.replay import replay

    said = replay(bundle)
    if as_json:
        print(json.dumps(said, indent=2))
    else:
        values = said["terms"] | said.get("gradient_norms", {})
        print(said.get("reason", "All is finite."))
        print_table(str(bundle), ("what", "value"), [(name, short(value)) for name, value in values.items()])
    if not said["finite"]:
        raise SystemExit(1)


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the four runs, result.json and report.html.")] = Path(
        "runs/demo"
    ),
    as_json: AsJson = False,
) -> None:
    """Teach small CNNs on drawn faces and print the comparison: minutes, without GPU or download."""
    from ..demo import demonstrate
    from ..demo_tables import next_steps, tables

    result = demonstrate(out)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    Console().print(tables(result))
    print(next_steps(out))


def _run(recipe: Any, resume: bool, dry_run: bool, as_json: bool) -> None:
    from ..train import run

    try:
        result = run.dry_run(recipe) if dry_run else run.fit(recipe, resume=resume)
    except KeyboardInterrupt:
        print(f"Stopped. What {recipe.out} last saved, if anything, is kept; go on with --resume.", file=sys.stderr)
        raise SystemExit(130) from None
    if as_json and result:
        print(json.dumps(result, indent=2))
    elif result:  # of several processes, one speaks
        print_table(str(recipe.out), ("what", "value"), [(name, short(value)) for name, value in result.items()])
