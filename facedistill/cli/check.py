"""``check``: a stranger's part, asked what ours are asked."""

import json
from typing import Annotated

import typer
from rich.console import Console

from ..errors import UserError
from .options import AsJson


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
        console = Console(highlight=False)
        for answer in told:
            sign = "[green]kept  [/]" if answer.broken is None else "[red]broken[/]"
            console.print(f"{sign} {answer.promise}" + (f": {answer.broken}" if answer.broken else ""))
    if broken:
        raise UserError(f"{name} breaks {len(broken)} of {len(told)} promises; the list above says which and why.")
