"""``facedistill check``: a stranger's part gets its answers in plain words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facedistill.catalogue import catalogue
from facedistill.cli import app
from facedistill.errors import UserError
from facedistill.method import AbstractMethod
from facedistill.testing.report import answers

STRANGE = """
import torch
from facedistill.method import AbstractMethod

class Strange(AbstractMethod):
    uses = frozenset({"embedding"})

    def __init__(self, *, power=2):
        super().__init__()
        self.power = power

    def forward(self, student, teacher, batch):
        own, wanted = torch.pdist(student.embedding), torch.pdist(teacher.embedding)
        if own.sum().item() > 1e9:
            own = 0 * own
        return {"apart": (own - wanted).norm()}
"""


FRAGILE = """
import torch
from torch import nn
from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.method import AbstractMethod
from facedistill.types import Features

class Unbuilt(AbstractMethod):
    def __init__(self, *, width: int = 3) -> None:
        super().__init__()
        raise ValueError("no such\\nwidth")

    def forward(self, student, teacher, batch): ...

class Undeclared(AbstractMethod):
    def __init__(self) -> None:
        super().__init__()

    def forward(self, student, teacher, batch):
        return {"mean": student.stages[0].float().mean() - teacher.stages[0].float().mean()}

class Silent(Undeclared):
    def forward(self, student, teacher, batch):
        return {}

class Unwritten(AbstractMethod):
    def __init__(self) -> None:
        super().__init__()

class Endless(Undeclared):
    uses = frozenset({"embedding"})

    def forward(self, student, teacher, batch):
        return {"nan": torch.nan * (student.embedding.float().mean() + teacher.embedding.float().mean())}

class Bare(Undeclared):
    def forward(self, student, teacher, batch):
        return student.embedding.float().mean()

class Flat(AbstractBackbone):
    def __init__(self) -> None:
        super().__init__(Preprocess(8))
        self.only = nn.Conv2d(3, 4, 1)

    def features(self, pixels):
        seen = self.only(pixels).flatten(2)
        return Features(seen.mean(2).float(), (seen,))

class Valued(Flat):
    def features(self, pixels):
        seen = self.only(pixels)
        return Features(seen.mean((2, 3)).float() * (1 if seen.sum().item() > 0 else 1), (seen,))

def flat() -> Flat:
    return Flat()

def valued() -> Valued:
    return Valued()

def untyped():
    return None

def only_type_checkers_know(what: "Unheard") -> "Unheard":
    return what
"""


HURRIED = """
from torch import nn
from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.types import Features

class Hurried(AbstractBackbone):
    def __init__(self):
        super().__init__(Preprocess(16))
        self.only = nn.Conv2d(3, 8, 3, 2, 1)

    def features(self, pixels):
        seen = self.only(pixels)
        if float(seen.detach().abs().max()) > 1e9:
            raise ValueError("too bright")
        return Features(seen.mean((2, 3)).float(), (seen,))

def hurried() -> Hurried:
    return Hurried()
"""


@pytest.fixture
def fragile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fragile.py").write_text(FRAGILE)
    (tmp_path / "unwritten.py").write_text("def half(:\n")
    (tmp_path / "lacking.py").write_text("import somewhere.else_entirely\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def broken(name: str) -> dict[str, str | None]:
    return {answer.promise: answer.broken for answer in answers(name, {}) if answer.broken is not None}


def asked(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess:
    """In a process of its own: shapes are checked in this one, which no compiler can look through."""
    command = [sys.executable, "-m", "facedistill", "check", *arguments]
    settings = {**os.environ, "PYTHONPATH": str(path or ""), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run(command, env=settings, capture_output=True, text=True, cwd=Path(__file__).parent.parent)


def test_a_strangers_method_is_told_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "strange.py").write_text(STRANGE)
    told = asked("strange.Strange", path=tmp_path)
    assert told.returncode == 2
    assert "broken signature is the configuration: parameter 'power' of Strange needs a type" in told.stdout
    assert "broken autocast is finite: it stops with NotImplementedError" in told.stdout
    assert "broken two ranks are one: Strange: term 'apart'" in told.stdout
    assert "broken compiles whole: Strange does not compile as one graph" in told.stdout
    assert "kept   state is whole" in told.stdout
    assert told.stderr == "Error: strange.Strange breaks 4 of 13 promises; the list above says which and why.\n"


def test_one_of_ours_keeps_everything() -> None:
    told = asked("cosine", "--json")
    assert told.returncode == 0, told.stderr
    assert '"compiles whole": "kept"' in told.stdout
    assert "broken" not in told.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue("methods", AbstractMethod))
def test_every_method_compiles_as_one_graph(name: str) -> None:
    told = asked(f"facedistill.methods.{name}")
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_network_is_asked_whether_it_compiles(tmp_path: Path) -> None:
    (tmp_path / "hurried.py").write_text(HURRIED)
    told = asked("hurried.hurried", path=tmp_path)
    assert "broken compiles whole: hurried does not compile as one graph" in told.stdout
    assert told.returncode == 2


@pytest.mark.parametrize("name", ["vit", "swin", "mobilefacenet_1m2"])
def test_our_networks_compile_as_one_graph(name: str) -> None:
    told = asked(name, "size_px=32")
    assert "kept   compiles whole" in told.stdout, told.stdout + told.stderr


def test_a_name_of_two_parts_is_no_question() -> None:
    with pytest.raises(UserError, match=r"facedistill\.methods\.residual or facedistill\.backbones\.residual"):
        answers("residual", {})


def test_a_module_of_two_parts_is_no_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "both.py").write_text(STRANGE + HURRIED.partition("def hurried")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match=r"'people\.both' holds 2 parts, of methods and backbones"):
        answers("people.both", {})


def test_heads_and_backbones_are_asked_their_own_questions() -> None:
    assert all(answer.broken is None for answer in answers("softmax", {"scale": 16}))
    assert "owns its pixels" in [answer.promise for answer in answers("mobilefacenet_1m2", {"size_px": 32})]


def test_unknown_parts_and_options_name_the_nearest() -> None:
    with pytest.raises(UserError, match="Unknown part 'cosin'; did you mean 'cosine'"):
        answers("cosin", {})
    with pytest.raises(UserError, match="scale"):
        answers("cosface", {"scales": 3})


def test_a_teacher_needs_its_weights() -> None:
    said = CliRunner().invoke(app, ["check", "live"])
    assert isinstance(said.exception, UserError)
    assert "'live.weights' is missing" in str(said.exception)


def test_a_part_that_cannot_be_built_is_an_answer(fragile: None) -> None:
    assert broken("fragile.Unbuilt") == {"can be built": "it stops with ValueError: no such width"}


def test_what_a_method_does_not_declare_is_nan_and_no_terms_are_said(fragile: None) -> None:
    said = broken("fragile.Undeclared")["terms are finite scalars"] or ""
    assert "'mean' is nan (answers missing from `uses` and `optional` are NaN here)" in said
    assert broken("fragile.Silent")["student learns"] == "there are no terms, so nothing is learned."


def test_what_is_not_finite_is_said_of_nothing_else(fragile: None) -> None:
    said = broken("fragile.Endless")
    assert set(said) - {"compiles whole"} == {
        "terms are finite scalars", "student learns", "unlabelled are welcome", "autocast is finite",
        "learning teachers are welcome",
    }  # fmt: skip


def test_an_answer_of_another_kind_is_called_so(fragile: None, tmp_path: Path) -> None:
    said = asked("fragile.Bare", path=tmp_path).stdout
    assert "broken terms are finite scalars: Bare answers with a Tensor, not with a dict of named terms." in said


def test_shapes_that_hang_on_values_are_told_so(fragile: None) -> None:
    assert "let no value decide what is computed" in (broken("fragile.valued")["spec is true"] or "")


def test_a_reason_is_printed_once(fragile: None, tmp_path: Path) -> None:
    said = asked("fragile.flat", path=tmp_path).stdout
    assert said.count("stages are [(4, 4, 64)]; make maps B C H W") == 1
    assert "broken owns its pixels: as 'spec is true'" in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fragile.untyped", "no method, backbone, head or teacher: name its class, a function that is annotated"),
        ("fragile", "Unknown part 'fragile'"),
        ("fragile.Unwritten", "'fragile.Unwritten': Unwritten does not define forward, as every AbstractMethod must"),
        ("unwritten.half", r"Cannot import 'unwritten.half': SyntaxError: .*unwritten.py, line 1"),
        ("lacking.Method", r"No module named 'somewhere'; `python -c 'import lacking.Method'` shows where"),
        ("nowhere.method", "Cannot import 'nowhere'; is its folder on PYTHONPATH"),
    ],
)
def test_a_part_that_is_not_there_is_one_sentence(fragile: None, name: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        answers(name, {})
