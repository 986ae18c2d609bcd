"""From a comparison to its runs: every recipe built and checked before the first of them trains."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ..errors import UserError
from ..recipe import Recipe
from ..signature import Options, one, validated
from ..train.assemble import resolve
from ..train.resume import check_same
from .file import Comparison, TrainedTeacher, recipe_values


@dataclass(frozen=True, order=True)
class Group:
    """Runs that differ in their seed only."""

    row: str
    student: str
    teacher: str | None
    """None where nobody teaches."""

    @property
    def taught(self) -> str:
        """The row, and from whom it learns."""
        return self.row if self.teacher is None else f"{self.row}@{self.teacher}"


@dataclass(frozen=True)
class Planned:
    """One run, of a student or of a teacher that is trained first."""

    name: str
    recipe: Recipe
    """Resolved."""
    group: Group | None = None
    """None: a teacher."""
    needs: str | None = None
    """Name of the run that must have finished."""


@dataclass(frozen=True)
class Plan:
    """Teachers first, then students seed by seed."""

    runs: tuple[Planned, ...]
    base: Recipe
    """What all students share; resolved."""
    students: dict[str, Options]
    """Every student's choice, by name; resolved."""

    @property
    def of_students(self) -> Iterator[tuple[Group, Planned]]:
        return ((run.group, run) for run in self.runs if run.group is not None)


def plan(comparison: Comparison) -> Plan:
    """Every run of a comparison.

    Raises:
        UserError: a name or an option that nobody knows, a row that learns and no teacher, a folder that holds a run
            of another recipe.
    """
    shared = recipe_values(comparison.base, comparison.changes)
    base = _recipe({**shared, "out": comparison.out}, comparison.base)
    students = _students(comparison, base)
    teachers = {name: _teacher(comparison, name) for name in comparison.teachers}
    trained = {name: entry for name, entry in teachers.items() if isinstance(entry, Planned)}
    options = {
        name: {"weights": str(entry.recipe.out)} if isinstance(entry, Planned) else entry
        for name, entry in teachers.items()
    }
    runs = tuple(
        _student(comparison, {**shared, "model": students[group.student], "seed": seed}, group, options, trained)
        for seed, group in product(comparison.seeds, _groups(comparison, list(students)))
    )
    used = {run.needs for run in runs}
    planned = Plan((*(run for run in trained.values() if run.name in used), *runs), base, students)
    _check_begun(planned)
    return planned


def learns(row: Options) -> bool:
    """Whether a row has a teacher."""
    return bool(row.get("teacher") or row.get("method"))


def _students(comparison: Comparison, base: Recipe) -> dict[str, Options]:
    """Every student's choice, resolved."""
    said = base.model_dump(mode="json")
    return {
        name: _recipe({**said, "model": model}, f"students.{name}").model for name, model in comparison.students.items()
    } or {one(base.model, "model")[0]: base.model}


def _groups(comparison: Comparison, students: list[str]) -> Iterator[Group]:
    for student, (name, row) in product(students, comparison.rows.items()):
        if not learns(row):
            yield Group(name, student, None)
        elif not comparison.teachers:
            raise UserError(f"Row '{name}' learns from a teacher, and there is none; give 'teachers' one.")
        else:
            yield from (Group(name, student, teacher) for teacher in comparison.teachers)


def _teacher(comparison: Comparison, name: str) -> Planned | Options:
    """The run that trains a teacher, or the options of one that is there."""
    entry, where = comparison.teachers[name], f"teachers.{name}"
    if "recipe" not in entry:
        return entry
    said: TrainedTeacher = validated(TrainedTeacher, entry, where)
    values = {**recipe_values(said.recipe, said.changes), "out": comparison.out / "teachers" / name}
    return Planned(f"teachers/{name}", _recipe(values, where))


def _student(
    comparison: Comparison,
    shared: Options,
    group: Group,
    teachers: Mapping[str, Options],
    trained: Mapping[str, Planned],
) -> Planned:
    row = comparison.rows[group.row]
    name = f"{group.student}/{group.taught}/seed{shared['seed']}"
    values = {**shared, **row, "out": comparison.out / "runs" / name, "teacher": None}
    if group.teacher is not None:
        kind, own = one(row.get("teacher") or "live", f"rows.{group.row}.teacher")
        values["teacher"] = {kind: {**teachers[group.teacher], **own}}
    teacher = trained.get(group.teacher or "")
    return Planned(name, _recipe(values, f"rows.{group.row}"), group, None if teacher is None else teacher.name)


def _recipe(values: Options, where: str) -> Recipe:
    """The resolved recipe; what is wrong with it is said with its place in the comparison."""
    try:
        recipe: Recipe = validated(Recipe, values, "")
        return resolve(recipe)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _check_begun(planned: Plan) -> None:
    for run in planned.runs:
        if _begun(run.recipe.out):
            check_same(run.recipe)


def _begun(folder: Path) -> bool:
    return (folder / "config.yaml").is_file()
