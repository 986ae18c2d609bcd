"""One page a method: paper, equation, what a recipe may say, what it needs and costs; all taken from the method itself.

``python -m facedistill.cards docs/methods`` writes the pages again.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from .catalogue import Builder, catalogue
from .listing import MethodEntry, method_entry
from .method import AbstractMethod

INDEX = "README"


def cards() -> dict[str, str]:
    """The page of every method, and of all together, by the name of its file."""
    builders = catalogue("methods", AbstractMethod)
    entries = {name: method_entry(builder) for name, builder in builders.items()}
    pages = {name: card(name, builders[name], entry) for name, entry in entries.items()}
    return {INDEX: _index(entries), **pages}


def card(name: str, builder: Builder, entry: MethodEntry) -> str:
    """The page of one method, Markdown."""
    equation = inspect.cleandoc(sys.modules[builder.__module__].__doc__ or "")
    about, arguments = _parted(inspect.cleandoc(builder.__doc__ or ""))
    parts = (f"# {name}", equation, about, *_options(builder, arguments), _needs(entry))
    return "\n\n".join(part for part in parts if part) + "\n"


def write_cards(folder: Path) -> None:
    """Write every page anew, over what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in cards().items():
        (folder / f"{name}.md").write_text(page, encoding="utf-8")


def _index(entries: dict[str, MethodEntry]) -> str:
    rows = [
        f"| [{name}]({name}.md) | {entry.paper} | {entry.year} | {', '.join(entry.cost.needs)} | {entry.cost} |"
        for name, entry in entries.items()
    ]
    table = "\n".join(["| method | paper | year | needs | cost |", "|---|---|---|---|---|", *rows])
    return f"# Methods\n\n{_MEASURED}\n\n{table}\n\n{_RECIPES}\n"


_RECIPES = (
    "Publications that are a recipe of these, not a method of their own: CAKD (`urfm` with teacher `prompted`), "
    "VarGFaceNet, PocketNet and ReFO (`feature_consistency`), SH-KD (`feature_consistency` or `th_kd`); "
    "[recipes](../recipes.md) shows how."
)

_MEASURED = (
    "Needs and costs are measured on the methods with their defaults: parameters that are trained beside a "
    "MobileFaceNet of 1.2 M with EdgeFace-XS as its teacher and 1,000 identities; *whole batch* where rows of all "
    "processes are gathered. `facedistill list methods` prints this table."
)


def _needs(entry: MethodEntry) -> str:
    paper = f"Paper: <https://arxiv.org/abs/{entry.arxiv}>.\n\n" if entry.arxiv else ""
    return f"Needs: {', '.join(entry.cost.needs)}.\n\n{paper}Costs: {entry.cost} ([measured](README.md))."


def _parted(docstring: str) -> tuple[str, dict[str, str]]:
    """What a class says of itself, and of each of its arguments; ``Raises`` is for those who read the code."""
    about, _, rest = docstring.partition("\nArgs:\n")
    listed = rest.partition("\n\n")[0]
    return about.partition("\nRaises:\n")[0].strip(), dict(_arguments(listed))


def _arguments(listed: str) -> Iterator[tuple[str, str]]:
    """``name, other: meaning`` with lines that go on further indented, as pairs of name and meaning."""
    for entry in re.split(r"\n(?=    \S)", listed):
        names, _, meaning = entry.partition(":")
        for name in names.split(","):
            yield name.strip(), " ".join(meaning.split())


def _options(builder: Builder, meanings: dict[str, str]) -> tuple[str, ...]:
    rows = [
        f"| `{parameter.name}` | {_cell(inspect.formatannotation(parameter.annotation))} | {_cell(parameter.default)} "
        f"| {meanings.get(parameter.name, '').replace('|', chr(92) + '|')} |"
        for parameter in inspect.signature(builder).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    return ("\n".join(["| option | type | default | |", "|---|---|---|---|", *rows]),) if rows else ()


def _cell(value: object) -> str:
    return f"`{value}`".replace("typing.", "").replace("|", "\\|")


def _main(folder: Annotated[Path, typer.Argument(help="Where the pages are; they are replaced.")]) -> None:
    """Write the page of every method."""
    write_cards(folder)


if __name__ == "__main__":
    typer.run(_main)
