"""A comparison as a YAML file says it: rows x students x teachers x seeds over one base recipe."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator

from ..config import read_values
from ..errors import UserError, unknown
from ..packaged import find_recipe, packaged_comparisons
from ..recipe import STRICT
from ..signature import Choice, Options, one, validated

ROW_KEYS = ("head", "teacher", "method", "weights", "ramp", "lr_scale")
"""Keys of a recipe in which rows may differ: how a student is taught, not for how long and on what."""

NESTED = ("data", "training", "views", "drawn")
"""Keys whose own keys ``changes`` changes one by one; any other value is replaced as a whole."""


def _plain(name: str) -> str:
    if not re.fullmatch(r"[\w.+-]+", name):
        raise ValueError(f"'{name}' names folders; use letters, digits and _ . + - only.")
    return name


Name = Annotated[str, AfterValidator(_plain)]


class TrainedTeacher(BaseModel):
    """A teacher that is trained first, by a recipe of its own."""

    model_config = STRICT

    recipe: str
    """A YAML file, or the name of a packaged recipe."""
    changes: Options = {}
    """What it says otherwise."""


class Judging(BaseModel):
    """Whom the networks are judged by, and how surely."""

    model_config = STRICT

    drawn: Options | None = None
    """Drawn people of another seed; options that are not given are those of the base recipe's faces."""
    validation: bool = False
    """The people whom the base recipe keeps out of training."""
    benchmarks: dict[Name, Path] = {}
    """As ``facedistill evaluate --on`` takes them."""
    gallery: str = ""
    """One of ``teachers``: every network's queries are also judged against its gallery."""
    resolutions_px: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Every network's queries are also judged when shrunk to so few pixels, against its own gallery as it is."""
    fars: tuple[float, ...] = Field(default=(1e-3, 1e-4), min_length=1)
    replicates: int = Field(default=1000, ge=1)
    flip: bool = True

    @model_validator(mode="after")
    def _somebody(self) -> "Judging":
        if self.drawn is None and not self.validation and not self.benchmarks:
            raise ValueError(
                "'judge' needs 'drawn' (people of another seed), 'validation' (true: those kept out of training) or "
                "'benchmarks' ({NAME: PATH})."
            )
        return self


class Comparison(BaseModel):
    """What is compared."""

    model_config = STRICT

    base: str
    """The recipe that every run has: a YAML file, or the name of a packaged one."""
    changes: Options = {}
    """What all runs say otherwise than ``base``."""
    rows: dict[Name, Options] = Field(min_length=1)
    """What is compared: keys of a recipe, of ``ROW_KEYS``."""
    reference: str = ""
    """The row that all others are compared with; the first by default."""
    students: dict[Name, Choice] = {}
    """Networks; that of ``base`` by default."""
    teachers: dict[Name, Options] = {}
    """``{weights: ...}`` and further options of a teacher, or ``{recipe: ...}`` of one that is trained first."""
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), min_length=1)
    judge: Judging
    out: Path

    @field_validator("students", mode="before")
    @classmethod
    def _choices(cls, value: Any) -> Any:
        return {name: dict([one(choice, f"students.{name}")]) for name, choice in _mapping(value).items()}

    @field_validator("rows", "teachers", mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        return {name: options or {} for name, options in _mapping(value).items()}

    @model_validator(mode="after")
    def _known(self) -> "Comparison":
        for name, row in self.rows.items():
            for key in row:
                if key not in ROW_KEYS:
                    raise ValueError(str(_not_of_a_row(name, key)))
        if self.reference and self.reference not in self.rows:
            raise ValueError(str(unknown("row", self.reference, self.rows, "reference")))
        if self.judge.gallery and self.judge.gallery not in self.teachers:
            raise ValueError(str(unknown("teacher", self.judge.gallery, self.teachers, "judge.gallery")))
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"'seeds' has one twice: {', '.join(map(str, self.seeds))}.")
        return self

    @property
    def compared_with(self) -> str:
        """The reference row."""
        return self.reference or next(iter(self.rows))


def load_comparison(path: str | Path, overrides: Sequence[str] = ()) -> Comparison:
    """Read a comparison, change it by ``a.b=c`` overrides, and check its keys.

    Raises:
        UserError: no such file, not YAML, an unknown key (the nearest is named), a value of the wrong type.
    """
    file = _file(path)
    values = read_values(file, overrides)
    try:
        compared: Comparison = validated(Comparison, values, "")
    except UserError as error:
        raise UserError(f"{file.name}: {error}") from None
    return compared


def recipe_values(recipe: str, changes: Mapping[str, Any]) -> Options:
    """What a recipe says, with ``changes``; nothing is checked yet."""
    return _changed(read_values(find_recipe(recipe)), changes)


def _changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> Options:
    inner = {
        key: _changed(values[key], change)
        for key, change in changes.items()
        if key in NESTED and isinstance(change, Mapping) and isinstance(values.get(key), Mapping)
    }
    return {**values, **changes, **inner}


def _file(path: str | Path) -> Path:
    packaged = packaged_comparisons()
    if Path(path).is_file():
        return Path(path)
    if str(path) in packaged:
        return packaged[str(path)]
    if os.sep in str(path) or Path(path).suffix:
        raise UserError(f"There is no file {path}; `facedistill list comparisons` shows those that come along.")
    raise unknown("comparison", str(path), packaged)


def _not_of_a_row(name: str, key: str) -> UserError:
    wrong = unknown("key", key, ROW_KEYS, f"rows.{name}")
    return UserError(f"{wrong} What all runs share belongs into 'changes'.")


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"'rows', 'students' and 'teachers' take names with what they stand for, not {value!r}.")
    return value
