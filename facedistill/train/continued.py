"""Runs that go on where another one ended, with other aims."""

from collections.abc import Sequence
from pathlib import Path

from ..backbones.load import start_from
from ..config import load_recipe
from ..errors import UserError, one_line
from ..recipe import Recipe
from ..signature import one
from .checkpoint import checkpoints, tensors_in
from .manifest import damage
from .objective import Objective
from .parts import Tables

SHARE = 10
"""Eight bits are learned in one part of so many of the epochs, at one of so many of the learning rate."""


def quantising(run: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a finished run that goes on as eight bits compute, to ``<run>_int8`` unless told otherwise.

    Raises:
        UserError: no finished run, or anything ``load_recipe`` refuses.
    """
    file = run / "config.yaml"
    if not (file.is_file() and (run / "result.json").is_file()):
        raise UserError(f"--quantize goes on with a finished run, and {run} is not one; give the folder of one.")
    recipe = load_recipe(file)
    optimiser, options = one(recipe.optimiser, "optimiser")
    schedule, _ = one(recipe.schedule, "schedule")
    changes = (
        f"continues={run}",
        "initial=null",
        "training.eight_bits=true",
        f"training.epochs={max(1, recipe.training.epochs // SHARE)}",
        f"optimiser.{optimiser}.lr={options['lr'] / SHARE!r}",
        f"schedule.{schedule}.warmup_epochs=0",
        f"out={run.parent / run.name}_int8",
    )
    return load_recipe(file, [*changes, *overrides])


def continue_from(objective: Objective, run: Path) -> None:
    """Give every part what it had learned at the end of a run.

    Raises:
        UserError: the run has no whole checkpoint, or was one of other parts.
    """
    start_from(objective.model, run)
    saved = next((each for each in checkpoints(run / "checkpoints") if damage(each) is None), None)
    if saved is None:
        raise UserError(f"{run} has no whole checkpoint, which holds what its head and methods learned.")
    tensors = tensors_in(saved, Tables(objective), ["objective"])["objective"]
    # The network to keep may be the averaged one, which is in the run's own file.
    others = {name: tensor for name, tensor in tensors.items() if not name.startswith("model.")}
    try:
        missing, strange = objective.load_state_dict(others, strict=False)
    except RuntimeError as error:
        raise UserError(f"{run} was a run of other parts: {one_line(error)}") from None
    unknown = [*strange, *(name for name in missing if not name.startswith(("model.", "eight_bits.")))]
    if unknown:
        raise UserError(f"{run} was a run of other parts: {unknown[0]} is in one of the two only.")
