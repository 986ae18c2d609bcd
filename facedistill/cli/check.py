"""``check``: a stranger's part, asked what ours are asked."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import UserError
from .options import AsJson

if TYPE_CHECKING:
    from ..testing.report import Answer


def check(
    name: Annotated[str, typer.Argument(metavar="PART", help="Such as my_package.my_method, or a name of ours.")],
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Its options, as in a recipe.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a method, backbone, head or teacher for the promises that every part keeps."""
    from ..config import read_overrides
    from ..testing.report import answers

    told = list(answers(name, read_overrides(options or [])))
    broken = [answer for answer in told if answer.broken is not None]
    if as_json:
        print(json.dumps({answer.promise: answer.broken or "kept" for answer in told}, indent=2))
    else:
        _show(told)
    if broken:
        raise UserError(f"{name} breaks {len(broken)} of {len(told)} promises; the list above says which and why.")


def _show(told: "Sequence[Answer]") -> None:
    """One reason may break many promises; it is told once."""
    console = Console(highlight=False)
    reasons: dict[str, str] = {}
    for answer in told:
        if answer.broken is None:
            console.print(f"[green]kept  [/] {answer.promise}")
            continue
        first = reasons.setdefault(answer.broken, answer.promise)
        said = answer.broken if first == answer.promise else f"as '{first}'"
        console.print("[red]broken[/]", escape(f"{answer.promise}: {said}"))
