"""Optimiser steps for some rows of a table only: those that a sparse gradient names.

In a step, a row that the gradient does not name is as if it were not there: no weight decay shrinks it, its momentum
neither decays nor moves it, and AdamW's means of it stay. A row that is named is stepped exactly as the optimiser steps
any weight, from the state that its own last step left; AdamW's count of steps, which corrects for means that started at
zero, is the table's. Where the gradient names every row this is the ordinary step, to the bit.

Dense gradients would not do: momentum and weight decay move all rows in every step, whoever was sampled.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.optim import Optimizer


class _Taken(NamedTuple):
    """Rows that stand in for their table during a step."""

    group: dict[str, Any]
    place: int
    table: nn.Parameter
    rows: Int[Tensor, " k"]
    small: nn.Parameter


class RowSteps:
    """Has ``optimiser``, of any kind that steps every weight by itself, treat sparse gradients so."""

    def __init__(self, optimiser: Optimizer) -> None:
        self._taken: list[_Taken] = []
        optimiser.register_step_pre_hook(lambda optimiser, *_: self._take(optimiser))
        optimiser.register_step_post_hook(lambda optimiser, *_: self._put_back(optimiser))

    @torch.no_grad()
    def _take(self, optimiser: Optimizer) -> None:
        for group in optimiser.param_groups:
            for place, table in enumerate(group["params"]):
                if table.grad is not None and table.grad.is_sparse:
                    taken = _Taken(group, place, table, *_rows_of(table))
                    optimiser.state[taken.small] = {
                        name: value[taken.rows] if _is_like(value, table) else value
                        for name, value in optimiser.state.get(table, {}).items()
                    }
                    group["params"][place] = taken.small
                    self._taken.append(taken)

    @torch.no_grad()
    def _put_back(self, optimiser: Optimizer) -> None:
        for group, place, table, rows, small in self._taken:
            table[rows] = small
            kept = optimiser.state[table]
            for name, value in optimiser.state.pop(small).items():
                if _is_like(value, small):
                    kept.setdefault(name, torch.zeros_like(table, dtype=value.dtype))[rows] = value
                else:
                    kept[name] = value
            group["params"][place] = table
        self._taken.clear()


def _rows_of(table: nn.Parameter) -> tuple[Int[Tensor, " k"], nn.Parameter]:
    """The rows that have a gradient, and a parameter of nothing else."""
    assert table.grad is not None, "only tables with a gradient are asked"
    gradient = table.grad.coalesce()
    rows = gradient.indices()[0]
    small = nn.Parameter(table[rows])
    small.grad = gradient.values()
    return rows, small


def _is_like(value: Any, table: Tensor) -> bool:
    """Whether it has a row for every row, as a momentum has and a count of steps has not."""
    return isinstance(value, Tensor) and value.shape == table.shape
