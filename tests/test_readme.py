"""What the README and the other documents say to type exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from facedistill.cli import app
from facedistill.config import load_recipe
from facedistill.train.assemble import resolve

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    """(document, text) of every fenced block of a language."""
    return [
        (document.name, text)
        for document in DOCUMENTS
        for found, text in BLOCK.findall(document.read_text())
        if found == language
    ]


def commands(program: str) -> list[list[str]]:
    """Words of every line that runs ``program``; a backslash joins lines, a hash ends one."""
    lines = [line for _, text in blocks("console") for line in text.replace("\\\n", " ").splitlines()]
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    return [line for line in words if line[:1] == [program]]


def parsed(words: list[str]) -> dict[str, Any]:
    """Parameters of the verb that ``words`` name; nothing runs.

    Raises:
        Exception: whatever the command line says about an unknown verb or option.
    """
    command: Any = get_command(app)
    while verbs := vars(command).get("commands"):
        verb, words = " ".join(words[:1]), words[1:]
        assert verb in verbs, f"no verb '{verb}'; there are {', '.join(verbs)}"
        command = verbs[verb]
    parameters: dict[str, Any] = command.make_context(command.name, list(words)).params
    return parameters


@pytest.mark.parametrize("words", commands("facedistill"), ids=" ".join)
def test_commands_exist(words: list[str]) -> None:
    parameters = parsed(words[1:])
    recipe = parameters.get("recipe")
    if recipe is not None and not parameters.get("quantize"):  # which goes on with somebody's run
        resolve(load_recipe(ROOT / recipe if "/" in recipe else recipe, parameters.get("overrides") or []))


def test_what_does_not_exist_is_noticed() -> None:
    assert commands("facedistill")
    with pytest.raises(AssertionError, match="no verb 'distil'"):
        parsed(["distil", "recipes/celeba269_cakd.yaml"])
    with pytest.raises(Exception, match=r"No such option: --dryrun"):
        parsed(["distill", "recipes/celeba269_cakd.yaml", "--dryrun"])


@pytest.mark.parametrize("words", commands("make"), ids=" ".join)
def test_make_targets_exist(words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(words[1:]) <= set(targets)


def test_the_first_screen_has_both_commands() -> None:
    first = "\n".join((ROOT / "README.md").read_text().splitlines()[:25])
    assert "make demo" in first
    assert "make test" in first


@pytest.mark.parametrize("text", [text for name, text in blocks("python") if name == "README.md"])
def test_python_runs(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(text, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text())
    dead = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert dead == []
