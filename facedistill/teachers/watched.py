"""Stages that tell when one of them is read."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor


class Watched(tuple[Tensor, ...]):
    """A tuple that calls ``told`` with the number of every stage that is read, once it is ``armed``."""

    told: Callable[[int], object]
    armed: bool

    def __new__(cls, stages: Sequence[Tensor], told: Callable[[int], object]) -> "Watched":
        made = super().__new__(cls, stages)
        made.told, made.armed = told, False
        return made

    def __getitem__(self, key: Any) -> Any:
        if self.armed:
            for number in range(len(self))[key] if isinstance(key, slice) else [range(len(self))[key]]:
                self.told(number)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[number] for number in range(len(self)))
