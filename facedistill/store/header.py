"""What a store says of itself: what it is of, and what it holds."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..types import Spec, Stage
from .layout import HEADER, Column, Layout

VERSION = 1

EMBEDDING = "embedding"


def stage_name(number: int) -> str:
    """What a stage is called in files."""
    return f"stage{number}"


@dataclass(frozen=True)
class Header:
    """``store.json``."""

    layout: Layout
    dtype: str
    """fp16 or int8."""
    spec: Spec
    """The teacher's."""
    answers: Mapping[str, tuple[int, ...]]
    """Shape of a row by the answer's name: ``embedding``, ``stage2``, ..."""
    of: Mapping[str, Any]
    """Digests of what the answers depend on, by what: data, views, teacher."""
    recipe: Mapping[str, Any]
    """Resolved; what ``verify`` asks again."""

    @property
    def stages(self) -> tuple[int, ...]:
        """Numbers of the stages it holds."""
        return tuple(number for number in range(len(self.spec.stages)) if stage_name(number) in self.answers)

    @property
    def held(self) -> str:
        """In words."""
        return ", ".join(self.answers)

    def dump(self) -> str:
        return json.dumps({"version": VERSION, **asdict(self)}, indent=2) + "\n"


def read_header(folder: Path) -> Header:
    """The header of the store in ``folder``.

    Raises:
        UserError: there is none, or one that cannot be read.
    """
    file = folder / HEADER
    if not file.is_file():
        raise UserError(f"There is no store at {folder}; build it: facedistill store build RECIPE --out {folder}")
    try:
        return _parsed(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} cannot be read ({error!r}); remove the store and build it again.") from None


def _parsed(values: dict[str, Any]) -> Header:
    if values.pop("version") != VERSION:
        raise ValueError("it is of another version of facedistill")
    layout, spec = values.pop("layout"), values.pop("spec")
    columns = tuple(Column(each["name"], each["dtype"], tuple(each["shape"])) for each in layout.pop("columns"))
    stages = tuple(Stage(each["channels"], tuple(each["grid"])) for each in spec.pop("stages"))
    answers = {name: tuple(shape) for name, shape in values.pop("answers").items()}
    return Header(Layout(columns, **layout), spec=Spec(**spec, stages=stages), answers=answers, **values)
