"""What is said of the methods is what they are: the table of ``list methods``, and the committed pages."""

import json
import re
from pathlib import Path

import pytest
from said import Call
from torch import nn

from facedistill import dist
from facedistill.cards import card, cards
from facedistill.listing import MethodEntry, method_entry
from facedistill.method import AbstractMethod
from facedistill.testing.cost import Cost, cost_of
from facedistill.types import UNLABELLED, Batch, Features, Spec, Terms

PAGES = Path(__file__).parents[1] / "docs" / "methods"


class Plain(AbstractMethod):
    """Term ``apart``.

    Args:
        near, far: two numbers | one meaning,
            that goes on.
        kind: a choice.

    Raises:
        UserError: never.
    """

    uses = frozenset({"embedding"})

    def __init__(self, student: Spec, *, near: float = 0.5, far: int | None = None, kind: str = "a") -> None:
        super().__init__()
        self.projector = nn.Linear(student.embedding, 3, bias=False)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"apart": self.projector(student.embedding).square().mean()}


class Gathering(Plain):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"apart": dist.gather(self.projector(student.embedding)).square().mean()}


class Labelled(Plain):
    asks_student = frozenset({"cosines"})

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        known = (batch.labels != UNLABELLED).float()
        return {"apart": (known * student.extras["cosines"].square().sum(1)).sum()}


class Curious(Plain):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"apart": (batch.labels != UNLABELLED).sum() + student.embedding.square().mean()}


@pytest.mark.parametrize(
    ("method", "cost"),
    [
        (Plain, Cost(("teacher's embedding",), 1536, False)),
        (Gathering, Cost(("teacher's embedding",), 1536, True)),
        (Labelled, Cost(("teacher's embedding", "own classifier", "labels"), 1536, False)),
        (Curious, Cost(("teacher's embedding", "labels where known"), 1536, False)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_needs_and_costs_are_measured(method: type[AbstractMethod], cost: Cost) -> None:
    assert cost_of(method) == cost


def test_costs_are_short() -> None:
    assert str(Cost((), 0, False)) == "no more parameters"
    assert str(Cost((), 1536, True)) == "1.5 k more parameters; whole batch"
    assert str(Cost((), 2_750_000, False)) == "2.75 M more parameters"


def test_a_page_lists_every_option_with_its_meaning() -> None:
    page = card("plain", Plain, MethodEntry("A paper", "2020", "2001.00001", Cost(("labels",), 0, False)))
    assert "| `near` | `float` | `0.5` | two numbers \\| one meaning, that goes on. |" in page
    assert "| `far` | `int \\| None` | `None` | two numbers" in page
    assert "| `kind` | `str` | `a` | a choice. |" in page
    assert "UserError" not in page
    assert "Needs: labels." in page
    assert "<https://arxiv.org/abs/2001.00001>" in page


def test_a_file_without_a_paper_has_an_entry_all_the_same() -> None:
    entry = method_entry(Plain)
    assert (entry.paper, entry.year, entry.arxiv) == (__doc__.replace("``", "`").strip(" ."), "", "")


def test_the_committed_pages_are_up_to_date() -> None:
    wanted = {f"{name}.md": page for name, page in cards().items()}
    assert {file.name: file.read_text(encoding="utf-8") for file in PAGES.glob("*.md")} == wanted, (
        "write them again: python -m facedistill.cards docs/methods"
    )


def test_list_methods_shows_paper_year_needs_and_cost(call: Call) -> None:
    entries = json.loads(call("list", "methods", "--json").out)["methods"]
    assert len(entries) >= 30
    for name, entry in entries.items():
        assert re.fullmatch(r"(19|20)\d\d", entry["year"]), name
        assert len(entry["paper"]) > 20, name
        assert "arXiv" not in entry["paper"], name
        assert entry["needs"], name
    assert entries["rkd"]["whole_batch"]
    assert not entries["cosine"]["whole_batch"]
    assert entries["hinton"]["arxiv"] == "1503.02531"
    shown = call("list", "methods").out
    assert all(word in shown for word in ("paper", "year", "needs", "cost", "proxyless", "2020"))
    assert all(name in shown for name in entries), "no name is cut off"
