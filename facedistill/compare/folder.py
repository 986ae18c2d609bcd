"""The folder of a comparison: that it is one, and that one call at a time works in it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ..errors import UserError
from ..recipe import Recipe
from .budget import unlike_budget

if sys.platform != "win32":
    import fcntl

KEPT = "compare.yaml"
"""The comparison as it was last asked for."""
LOCK = ".lock"


def check_ours(folder: Path, base: Recipe) -> None:
    """Refuse a folder whose files are not this comparison's to replace.

    Args:
        base: what all students share; resolved.

    Raises:
        UserError: the folder is a file, holds something else, or holds runs of another budget.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, and a comparison writes a folder; choose another out=.")
    if folder.is_dir() and {entry.name for entry in folder.iterdir()} - {LOCK} and not (folder / KEPT).is_file():
        raise UserError(f"{folder} holds something that is not a comparison; choose another out=.")
    for file in sorted((folder / "runs").glob("*/*/*/config.yaml")):
        if unlike := unlike_budget(yaml.safe_load(file.read_text()), base):
            raise UserError(
                f"{folder} holds runs of another {', '.join(unlike[:4])}, such as {file.parent}; a table has one "
                "budget and one set of views: choose another out=."
            )


@contextmanager
def alone_in(folder: Path) -> Iterator[tuple[int, ...]]:
    """Keep other calls out of ``folder``, for as long as this one or any run of it lives.

    Yields:
        What the process of a run must inherit, so that a call that was killed does not leave its run to a second one.

    Raises:
        UserError: another call, or a run that outlived it, is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":  # no lock that a process can inherit
        yield ()
        return
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"Another comparison, or a run of it, is at work in {folder}; wait for it or stop it."
            ) from None
        yield (file.fileno(),)
