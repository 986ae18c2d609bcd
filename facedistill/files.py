"""Files and folders on disk: there whole or not at all, never over what exists, and known again by their digest."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError


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


def cache_folder() -> Path:
    """For what can be had again: ``$FACEDISTILL_CACHE``, or ``facedistill`` in ``$XDG_CACHE_HOME`` or ~/.cache."""
    own = os.environ.get("FACEDISTILL_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "facedistill"


def refuse_existing(destination: Path, other: str = "name") -> None:
    """Refuse a place that is taken, if only by a link that leads nowhere.

    Args:
        other: what to choose another one of.

    Raises:
        UserError: ``destination`` exists.
    """
    if os.path.lexists(destination):
        raise UserError(f"{destination} exists and is never overwritten; choose another {other}.")


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """The path of a file to write, which replaces ``file`` when everything went well and vanishes otherwise."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        yield partial
        os.replace(partial, file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(file: Path, data: bytes) -> None:
    """Write a file whole or not at all, in place of an older one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as partial:
        partial.write_bytes(data)


def write_text(file: Path, text: str) -> None:
    """Write a small file whole or not at all, in place of an older one, so that it survives a power cut."""
    with replacing(file) as partial:
        partial.write_text(text)
        to_disk(partial)


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows keeps names by itself and opens no folder
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while part := data.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
