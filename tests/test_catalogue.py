"""Names in recipes are files and functions; somebody else's are dotted."""

import inspect
from pathlib import Path

import pytest

from facedistill.backbones.contract import AbstractBackbone
from facedistill.catalogue import catalogue, find
from facedistill.errors import UserError
from facedistill.heads.contract import AbstractHead
from facedistill.method import AbstractMethod
from facedistill.teachers.contract import AbstractTeacher

OUTSIDE = '''
"""Somebody's own method, with a helper and a foreign class beside it."""
from facedistill.method import AbstractMethod
from facedistill.methods.cosine import Cosine

class Own(AbstractMethod):
    def forward(self, student, teacher, batch):
        return {}

class _Hidden(Own):
    pass
'''
TWO = OUTSIDE + "\nclass Other(Own):\n    pass\n"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = tmp_path / "somebody_else"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "own.py").write_text(OUTSIDE)
    (package / "two.py").write_text(TWO)
    (package / "broken.py").write_text("import a_module_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "somebody_else"


def test_a_file_is_a_name_and_so_is_a_function() -> None:
    assert {"cosine", "proxyless", "urfm"} <= set(catalogue("methods", AbstractMethod))
    assert {"mobilefacenet_1m2", "mbf_2m1", "iresnet_18"} <= set(catalogue("backbones", AbstractBackbone))


def test_contracts_and_helpers_are_not_offered() -> None:
    names = {*catalogue("backbones", AbstractBackbone), *catalogue("heads", AbstractHead)}
    assert names.isdisjoint({"contract", "load", "load_backbone", "margin"})


@pytest.mark.parametrize(
    ("package", "contract"), [("methods", AbstractMethod), ("heads", AbstractHead), ("teachers", AbstractTeacher)]
)
def test_one_file_is_one_idea(package: str, contract: type) -> None:
    """Two classes in a file would share its name, and the second would hide the first."""
    offered = set(catalogue(package, contract).values())  # imports every file of the folder
    concrete = [cls for cls in _descendants(contract) if not inspect.isabstract(cls)]
    own = [cls for cls in concrete if cls.__module__.startswith(f"facedistill.{package}.") and cls.__name__[0] != "_"]
    assert sorted(cls.__module__ for cls in own) == sorted({cls.__module__ for cls in own})
    assert set(own) == offered


def _descendants(cls: type) -> set[type]:
    return {found for child in cls.__subclasses__() for found in (child, *_descendants(child))}


def test_names_come_sorted() -> None:
    names = list(catalogue("backbones", AbstractBackbone))
    assert names == sorted(names)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown method 'urmf'; did you mean 'urfm'\?"):
        find("methods", AbstractMethod, "urmf")


def test_a_dotted_module_offers_its_only_class(outside: str) -> None:
    assert find("methods", AbstractMethod, f"{outside}.own").__name__ == "Own"


def test_a_dotted_class_is_itself(outside: str) -> None:
    assert find("methods", AbstractMethod, f"{outside}.two.Other").__name__ == "Other"


def test_a_module_with_two_must_be_told_which(outside: str) -> None:
    with pytest.raises(UserError, match="exactly one AbstractMethod"):
        find("methods", AbstractMethod, f"{outside}.two")


def test_a_class_of_another_contract_is_refused(outside: str) -> None:
    with pytest.raises(UserError, match="exactly one AbstractHead"):
        find("heads", AbstractHead, f"{outside}.own")


def test_a_module_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(UserError, match="PYTHONPATH"):
        find("methods", AbstractMethod, "nobody.knows")


def test_an_error_inside_somebodys_module_is_not_hidden(outside: str) -> None:
    with pytest.raises(UserError, match=r"No module named .a_module_nobody_has.*shows where"):
        find("methods", AbstractMethod, f"{outside}.broken")
