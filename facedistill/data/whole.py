"""Files and folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError


@contextmanager
def whole_folder(destination: Path) -> Iterator[Path]:
    """A folder to fill, which becomes ``destination`` when everything went well and vanishes otherwise.

    Raises:
        UserError: ``destination`` exists.
    """
    refuse_existing(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=destination.parent, prefix=f".{destination.name}-"))
    try:
        yield unfinished
        unfinished.chmod(0o755)  # mkdtemp's folder is its owner's alone
        refuse_existing(destination)
        os.rename(unfinished, destination)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


@contextmanager
def whole_file(destination: Path) -> Iterator[Path]:
    """The path of a file to write, which becomes ``destination`` when everything went well and vanishes otherwise.

    Raises:
        UserError: ``destination`` exists.
    """
    refuse_existing(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays: some writers choose the format by it.
    unfinished = destination.with_name(f".{os.getpid()}-{destination.name}")
    try:
        yield unfinished
        refuse_existing(destination)
        os.rename(unfinished, destination)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def refuse_existing(destination: Path) -> None:
    """Raises:
    UserError: ``destination`` exists, if only as a link that leads nowhere.
    """
    if os.path.lexists(destination):
        raise UserError(f"{destination} exists and is never overwritten; choose another name.")
