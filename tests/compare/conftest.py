"""A comparison small enough to train in a blink, in this process or in processes of its own."""

from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any, BinaryIO

import pytest
import tiny
import yaml

from facedistill.compare import runs
from facedistill.compare.file import Comparison, load_comparison
from facedistill.config import dump_recipe, load_recipe
from facedistill.errors import UserError
from facedistill.train.run import fit

ROWS: dict[str, Any] = {
    "labels": {},
    "cosine": {"method": {"cosine": {}}, "weights": {"cosine.embedding": 2.0}},
}

Write = Callable[..., Comparison]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A comparison of ``ROWS``, changed by keys."""
    tiny.write_faces(tmp_path / "faces")
    tiny.write_faces(tmp_path / "strangers", identities=5, seed=9)
    tiny.write_teacher(tmp_path / "teacher", {"tiny.net": {"embedding": 12}})
    recipe = tiny.recipe(tmp_path / "faces", tmp_path / "unused", training={"epochs": 2})
    (tmp_path / "base.yaml").write_text(dump_recipe(recipe))

    def write(**changes: Any) -> Comparison:
        whole = {
            "base": str(tmp_path / "base.yaml"),
            "rows": ROWS,
            "teachers": {"old": {"weights": str(tmp_path / "teacher")}},
            "judge": {"benchmarks": {"strangers": str(tmp_path / "strangers")}, "fars": [0.1], "replicates": 20},
            "out": str(tmp_path / "out"),
            **changes,
        }
        (tmp_path / "compare.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
        return load_comparison(tmp_path / "compare.yaml")

    return write


class Here(Popen):
    """A process that runs in this one, at once."""

    commands: list[list[str]]

    def __init__(self, command: list[str], *, stdout: BinaryIO, **_: Any) -> None:
        self._child_created = False
        self.commands.append(command[3:])
        verb, file, *resume = command[3:]
        recipe = load_recipe(file)
        assert (verb == "distill") == (recipe.teacher is not None)
        self.returncode = 0
        try:
            fit(recipe, resume=resume == ["--resume"])
        except UserError as error:
            stdout.write(f"Error: {error}\n".encode())
            self.returncode = error.exit_code

    def poll(self) -> int:
        return self.returncode

    def terminate(self) -> None:
        raise AssertionError("it has ended")

    wait = terminate


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was run; in this process, for speed."""
    seen: list[list[str]] = []
    monkeypatch.setattr(Here, "commands", seen, raising=False)
    monkeypatch.setattr(runs, "Popen", Here)
    monkeypatch.setattr(runs, "LOOK_EVERY_S", 0)
    return seen
