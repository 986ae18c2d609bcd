"""A file as memory: pages come when they are looked at, and processes share them."""

import mmap
import os
from pathlib import Path

from ...errors import UserError


class MappedFile:
    """A file that stays as it is while it is read. Sent to another process, it is opened there again.

    Raises:
        UserError: no such file, an empty one, or one that has changed before it was opened again.
    """

    view: memoryview
    """All bytes, read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.view = _mapped(path)

    def __getstate__(self) -> tuple[Path, int]:
        return self.path, len(self.view)

    def __setstate__(self, state: tuple[Path, int]) -> None:
        self.path, size = state
        self.view = _mapped(self.path)
        if len(self.view) != size:
            raise UserError(f"{self.path} had {size} bytes and has {len(self.view)} now; start again.")


def _mapped(path: Path) -> memoryview:
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise UserError(f"{path} is empty; copy it again.")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise UserError(f"{path} cannot be opened: {error.strerror}.") from None
