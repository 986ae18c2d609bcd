"""What a run writes down: metrics.jsonl always, TensorBoard on request."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import UserError


@runtime_checkable
class Log(Protocol):
    """Somebody who writes numbers down."""

    def write(self, step: int, values: Mapping[str, float | int]) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One JSON object a line, flushed at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def write(self, step: int, values: Mapping[str, float | int]) -> None:
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


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
