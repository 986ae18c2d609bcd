"""Optimiser steps for the rows that a sparse gradient names, against one row at a time."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from facedistill.train.clip import clip
from facedistill.train.optim import adamw, sgd
from facedistill.train.rows import RowSteps
from facedistill.train.state import flat, unflat

ROWS, WIDTH = 6, 3
NAMED = [[0, 2, 5], [2], [], [1, 2, 5], [0], [2, 5]]
"""Which rows have a gradient, step by step."""


def start() -> torch.Tensor:
    return torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0))


def pull(step: int, row: int) -> torch.Tensor:
    """The gradient of a row in a step."""
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(100 * step + row))


def taught(optimiser: str, steps: list[list[int]] = NAMED) -> tuple[nn.Parameter, torch.optim.Optimizer]:
    """A table after ``steps``, beside a weight that always learns."""
    table, beside = nn.Parameter(start()), nn.Parameter(torch.ones(2))
    kinds = {"sgd": sgd, "adamw": adamw}
    group = {"params": [beside, table], "decays": True, "lr_scale": 1.0}
    built = kinds[optimiser]([group], lr=0.1, weight_decay=0.01)
    RowSteps(built)
    for step, rows in enumerate(steps):
        built.zero_grad()
        learn(table, step, rows)
        beside.sum().backward()
        built.step()
        assert built.param_groups[0]["params"][1] is table
    return table, built


def learn(table: nn.Parameter, step: int, rows: list[int]) -> None:
    seen = F.embedding(torch.tensor(rows, dtype=torch.int64), table, sparse=True)
    wanted = torch.stack([pull(step, row) for row in rows]) if rows else torch.zeros(0, WIDTH)
    (seen * wanted).sum().backward()


def test_sgd_treats_every_row_as_a_weight_of_its_own() -> None:
    """Each with an optimiser of its own, which takes a step when the row is named, and none else."""
    table, _ = taught("sgd")
    for row in range(ROWS):
        alone = nn.Parameter(start()[row])
        own = torch.optim.SGD([alone], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
        for step, rows in enumerate(NAMED):
            if row in rows:
                alone.grad = pull(step, row)
                own.step()
        assert torch.equal(table[row], alone)
    assert torch.equal(table[3:5], start()[3:5]), "never named: not even weight decay moves it"


def test_adamw_treats_every_row_as_a_weight_of_its_own_but_counts_the_steps_of_all() -> None:
    table, _ = taught("adamw")
    for row in range(ROWS):
        weight, mean, square = start()[row].double(), 0.0, 0.0
        for step, rows in enumerate(NAMED, 1):
            if row not in rows:
                continue
            gradient = pull(step - 1, row).double()
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            weight = weight * (1 - 0.1 * 0.01)
            weight -= 0.1 * (mean / (1 - 0.9**step)) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
        torch.testing.assert_close(table[row].detach().double(), weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_where_every_row_is_named_it_is_the_ordinary_step(optimiser: str) -> None:
    everybody = [list(range(ROWS))] * 4
    table, _ = taught(optimiser, everybody)
    dense = nn.Parameter(start())
    group = {"params": [dense], "decays": True, "lr_scale": 1.0}
    built = {"sgd": sgd, "adamw": adamw}[optimiser]([group], lr=0.1, weight_decay=0.01)
    for step in range(4):
        dense.grad = torch.stack([pull(step, row) for row in range(ROWS)])
        built.step()
    assert torch.equal(table, dense)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_only_named_rows_of_the_state_are_touched_and_it_can_be_kept(optimiser: str) -> None:
    table, built = taught(optimiser, NAMED[:4])
    before = {name: value.clone() for name, value in built.state[table].items() if value.shape == table.shape}
    assert before, "a momentum, or two means"
    twin, other = taught(optimiser, [])
    with torch.no_grad():
        twin.copy_(table)
    tensors, numbers = flat(built)
    unflat(other, {name: tensor.clone() for name, tensor in tensors.items()}, numbers)
    for each, its in ((table, built), (twin, other)):
        its.zero_grad()
        learn(each, 4, [0])
        its.step()
    for name, was in before.items():
        now = built.state[table][name]
        assert torch.equal(now[1:], was[1:])
        assert not torch.equal(now[0], was[0])
    assert torch.equal(table, twin), "kept and given to another one, the state goes on"
    assert set(built.state) == set(built.param_groups[0]["params"]), "nothing of the rows' stand-ins is left"


def test_sparse_gradients_count_in_the_norm() -> None:
    table, beside = nn.Parameter(start()), nn.Parameter(torch.ones(2))
    learn(table, 0, [1, 4])
    beside.sum().backward()
    expected = math.sqrt(2 + float(pull(0, 1).square().sum() + pull(0, 4).square().sum()))
    assert float(clip([table, beside], 0.5)) == pytest.approx(expected, rel=1e-6)
    scaled = torch.cat([table.grad.to_dense().flatten(), beside.grad])
    assert float(scaled.norm()) == pytest.approx(0.5, rel=1e-5)
    assert float(clip([table, beside], 9.0)) == pytest.approx(0.5, rel=1e-5), "shorter ones stay"
