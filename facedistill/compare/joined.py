"""Finished runs from elsewhere, joined into a table; what they do not have in common with it is said."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..backbones.load import MODEL_FILE
from ..config import load_recipe
from ..errors import UserError
from ..files import write_text
from ..recipe import Recipe
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
        if lost := _lost(run.folder):
            raise UserError(f"{run.folder} was joined and has no {lost} now; bring it back, or leave it out of {file}.")
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
    known = {run.recipe.out.resolve(): group for group, run in planned.of_students}
    known |= {run.folder: run.group for run in runs}
    for text in asked:
        run = _finished(text, planned, force)
        group = known.setdefault(run.folder, run.group)
        if group != run.group:
            raise UserError(f"{run.folder} is row '{group.taught}' of this table already; leave it out of --add.")
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
    name, _, path = text.rpartition("=")
    folder = Path(path).resolve()
    if lost := _lost(folder):
        raise UserError(f"{path} holds no finished run, since it has no {lost}; --add takes the folder of a whole one.")
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
    group = Group(name or folder.name, student or one(recipe.model, "model")[0], _teacher(recipe, planned))
    return Finished(group, recipe.seed, folder, f"another {', '.join(unlike)}" if unlike else "")


def _lost(folder: Path) -> str | None:
    """What the folder of a finished run has and this one has not.

    Raises:
        UserError: its result is not whole.
    """
    if result_of(folder) is None:
        return "result.json"
    return next((name for name in ("config.yaml", MODEL_FILE) if not (folder / name).is_file()), None)


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
