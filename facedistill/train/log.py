"""What a run writes down: metrics.jsonl always, TensorBoard on request."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import UserError
from ..files import write_text


@runtime_checkable
class Log(Protocol):
    """Somebody who writes numbers down."""

    def write(self, step: int, values: Mapping[str, float | int]) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One JSON object a line, flushed at once.

    Args:
        done: steps of the run that are kept; what was written after them is forgotten, and will be written again.
    """

    def __init__(self, path: Path, done: int = 0) -> None:
        if path.is_file():
            write_text(path, "".join(line for line in path.read_text().splitlines(True) if _within(line, done)))
        self._file = path.open("a", encoding="utf-8")

    def write(self, step: int, values: Mapping[str, float | int]) -> None:
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_lines(file: Path) -> Iterator[dict[str, float | int]]:
    """What ``JsonLines`` wrote, line by line; one that is cut, or still being written, is passed by."""
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        with suppress(json.JSONDecodeError):
            yield json.loads(line)


def _within(line: str, done: int) -> bool:
    """Whether a line is whole, and of one of the first ``done`` steps."""
    try:
        step: int = json.loads(line)["step"]
    except ValueError:
        return False  # a full disk or a kill cut it
    return step <= done


class TensorBoard:
    """Scalars for TensorBoard, in ``<run>/tensorboard``."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UserError("TensorBoard is not installed; run: pip install 'facedistill[tensorboard]'") from None
        self._writer = SummaryWriter(str(folder))

    def write(self, step: int, values: Mapping[str, float | int]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()
