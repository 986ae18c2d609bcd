"""Finished runs from elsewhere, joined into a table; what they do not have in common with it is said."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..config import Recipe, load_recipe
from ..errors import UserError
from ..files import write_text
from ..signature import one
from ..train.assemble import resolve
from ..train.resume import result_of
from .budget import unlike_budget
from .plan import Group, Plan
from .table import Finished

FILE = "joined.json"


def joined(folder: Path) -> list[Finished]:
    """What was joined into the comparison in ``folder``.

    Raises:
        UserError: a run that is not there any more.
    """
    file = folder / FILE
    known = [
        Finished(Group(**entry["group"]), entry["seed"], Path(entry["run"]), entry["note"])
        for entry in (json.loads(file.read_text()) if file.is_file() else ())
    ]
    for run in known:
        if result_of(run.folder) is None:
            raise UserError(f"{run.folder} was joined and has no result any more; bring it back, or repair {file}.")
    return known


def join(folder: Path, planned: Plan, asked: Sequence[str], *, force: bool = False) -> list[Finished]:
    """Runs to join, each ``RUN`` or ``NAME=RUN`` with the row's name, after those that are joined; nothing is written.

    Args:
        force: also where the budget or the views differ; the table then says so.

    Raises:
        UserError: a run that has not finished, has another budget, other views or another student, or stands in the
            table already.
    """
    runs = joined(folder)
    taken = {(group, run.recipe.seed) for group, run in planned.of_students} | {(run.group, run.seed) for run in runs}
    for text in asked:
        run = _finished(text, planned, force)
        if any(run.folder == other.folder for other in runs):
            continue
        if (run.group, run.seed) in taken:
            raise UserError(
                f"Row '{run.group.taught}' has seed {run.seed} already; name {run.folder} otherwise: --add NAME=RUN."
            )
        taken.add((run.group, run.seed))
        runs.append(run)
    return runs


def _finished(text: str, planned: Plan, force: bool) -> Finished:
    name, equals, path = text.rpartition("=")
    folder = Path(path).resolve()
    if result_of(folder) is None:
        raise UserError(f"{path} holds no finished run; --add takes folders with a result.json.")
    recipe = resolve(load_recipe(folder / "config.yaml"))
    student = next((known for known, model in planned.students.items() if model == recipe.model), None)
    unlike = unlike_budget(recipe.model_dump(mode="json"), planned.base)
    if student is None:
        unlike = ["model", *unlike]
    if unlike and not force:
        raise UserError(
            f"{path} was trained with another {', '.join(unlike)}; a table needs one budget and one set of views. Join "
            "it all the same with --force, and the table says so."
        )
    group = Group(name if equals else folder.name, student or one(recipe.model, "model")[0], _teacher(recipe, planned))
    return Finished(group, recipe.seed, folder, f"another {', '.join(unlike)}" if unlike else "")


def _teacher(recipe: Recipe, planned: Plan) -> str | None:
    """The comparison's name for a run's teacher, or what the run calls it."""
    if recipe.teacher is None:
        return None
    weights = _weights(recipe)
    known = {_weights(run.recipe): group.teacher for group, run in planned.of_students if group.teacher is not None}
    return known.get(weights, Path(weights).stem)


def _weights(recipe: Recipe) -> str:
    _, options = one(recipe.teacher or "", "teacher")
    return str(options.get("weights", ""))


def keep(folder: Path, runs: Sequence[Finished]) -> None:
    """Remember which runs are joined."""
    entries = [{"group": vars(run.group), "seed": run.seed, "run": str(run.folder), "note": run.note} for run in runs]
    write_text(folder / FILE, json.dumps(entries, indent=2) + "\n")
