"""What can be named in a recipe, with the first sentence of its documentation; of a method, what its file says."""

import inspect
import re
import sys
from pathlib import Path
from typing import NamedTuple

from .catalogue import Builder, catalogue
from .method import AbstractMethod
from .packaged import packaged_comparisons, packaged_recipes
from .testing.cost import Cost, cost_of
from .train.assemble import CONTRACTS


def everything() -> dict[str, dict[str, str]]:
    """Backbones, heads, methods, teachers, recipes and comparisons: ``{kind: {name: one sentence}}``."""
    offers = {
        package: {name: opening(builder) for name, builder in catalogue(package, contract).items()}
        for package, contract in CONTRACTS.values()
    }
    files = {"comparisons": packaged_comparisons(), "recipes": packaged_recipes()}
    told = {kind: {name: _first_line(file) for name, file in named.items()} for kind, named in files.items()}
    return dict(sorted(offers.items())) | told


def _first_line(file: Path) -> str:
    return file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


class MethodEntry(NamedTuple):
    """A method as its own file presents it, and as it was measured."""

    paper: str
    """Title, authors, venue."""
    year: str
    arxiv: str
    """Its number, or nothing."""
    cost: Cost

    def as_dict(self) -> dict[str, object]:
        return {"paper": self.paper, "year": self.year, "arxiv": self.arxiv, **self.cost._asdict()}


def methods() -> dict[str, MethodEntry]:
    """Every method of the package by its name; asking them what they cost takes some seconds."""
    return {name: method_entry(builder) for name, builder in catalogue("methods", AbstractMethod).items()}


def method_entry(builder: Builder) -> MethodEntry:
    """What a method's file opens with - title, authors, venue, year, arXiv number - and what the method costs."""
    header = opening(builder)
    number = _ARXIV.search(header)
    cited = header[: number.start()] if number else header
    years = _YEAR.findall(cited)
    paper = _REMARKS.sub("", cited.partition(";")[0]).strip(" .,(:")
    return MethodEntry(paper, years[-1] if years else "", number[1] if number else "", cost_of(builder))


_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
_YEAR = re.compile(r"\b(?:19|20)\d{2}\b")
_REMARKS = re.compile(r"\(not on arXiv\)")


def opening(builder: Builder) -> str:
    """The first paragraph: a function speaks for itself; a class for its file, which opens with the paper."""
    text = builder.__doc__ if inspect.isfunction(builder) else sys.modules[builder.__module__].__doc__
    return " ".join((text or "").strip().partition("\n\n")[0].replace("``", "`").split())
