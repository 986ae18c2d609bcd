"""PAT: regions of all stages look at each other, then at the teacher."""

import numpy as np
import pytest
import torch
from made_up import arrays, batch, seen, tensor

from facedistill.errors import UserError
from facedistill.methods.pat import PAT, _context_gap
from facedistill.types import Spec, Stage

STUDENT, TEACHER = Spec(8, (Stage(3, (4, 4)), Stage(5, (2, 2)))), Spec(8, (Stage(4, (6, 6)), Stage(6, (6, 6))))
FINE, COARSE, FIRST, LAST = arrays((2, 3, 4, 4), (2, 5, 2, 2), (2, 4, 6, 6), (2, 6, 6, 6))


def pool(grid, side):
    """Mean over side x side blocks of a square grid that they divide."""
    cells = len(grid) // side
    return np.array(
        [
            [grid[cells * i : cells * (i + 1), cells * j : cells * (j + 1)].mean() for j in range(side)]
            for i in range(side)
        ]
    )


@pytest.mark.parametrize(("cells", "sides"), [(8, (4, 2, 1)), (4, (2, 1)), (1, ())])
def test_context_gap_equals_a_plain_loop(cells, sides):
    own, wanted = arrays((2, 3, cells, cells), (2, 3, cells, cells), seed=1)
    total, weights = np.mean((own - wanted) ** 2), 1.0
    for level, side in enumerate(sides, start=1):
        gaps = [
            (pool(a, side) - pool(b, side)) ** 2
            for a, b in zip(own.reshape(-1, cells, cells), wanted.reshape(-1, cells, cells), strict=True)
        ]
        total, weights = total + np.mean(gaps) * 0.5**level, weights + 0.5**level
    assert _context_gap(tensor(own), tensor(wanted)).item() == pytest.approx(total / weights, rel=1e-4)


def regions(method):
    """Two 1x1 convolutions of 2x2 regions each, and one joint attention over the eight tokens of a head."""
    attention, heads = method.regions.attention, 2
    enter = [(e.weight.detach().numpy()[:, :, 0, 0], e.bias.detach().numpy()) for e in method.regions.enter]
    out = []
    for n in range(2):
        cells = [np.array([pool(c, 2) for c in stage[n]]).reshape(len(stage[n]), 4).T for stage in (FINE, COARSE)]
        x = np.concatenate([c @ w.T + b for c, (w, b) in zip(cells, enter, strict=True)])
        x = x + method.regions.position.detach().numpy()
        normed = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        q, k, v = np.split(normed @ attention.query_key_value.weight.detach().numpy().T, 3, axis=1)
        context = np.zeros_like(x)
        for h in range(heads):
            own = slice(4 * h, 4 * h + 4)
            for i in range(8):
                powers = np.exp([q[i, own] @ k[j, own] / 2 for j in range(8)])
                context[i, own] = powers @ v[:, own] / powers.sum()
        out.append(x + context @ attention.out.weight.detach().numpy().T + attention.out.bias.detach().numpy())
    return np.array(out)


def test_regions_of_all_stages_see_each_other():
    method = PAT(STUDENT, TEACHER, side=2, width=8, heads=2)
    found = method.regions([tensor(FINE), tensor(COARSE)])
    expected = regions(method)
    for stage, each in enumerate(found):
        wanted = expected[:, 4 * stage : 4 * stage + 4].transpose(0, 2, 1).reshape(2, 8, 2, 2)
        np.testing.assert_allclose(each.detach().numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_sum_over_pairs_of_normalised_stages():
    method = PAT(STUDENT, TEACHER, side=2, width=8, heads=2)
    term = method(seen(np.zeros((2, 8)), FINE, COARSE), seen(np.zeros((2, 8)), FIRST, LAST), batch(2))["context"]
    informed, expected = method.regions([tensor(FINE), tensor(COARSE)]), 0.0
    for own, aligner, wanted in zip(informed, method.aligners, (FIRST, LAST), strict=True):
        centred = wanted - wanted.mean(1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
        expected += _context_gap(aligner(own), tensor(unit)).item()
    assert term.item() == pytest.approx(expected, rel=1e-4)


def test_prompts_learn_from_it():
    teacher = seen(np.zeros((2, 8)), FIRST, LAST)
    teacher.stages[1].requires_grad_()
    PAT(STUDENT, TEACHER, side=2, width=8, heads=2)(seen(np.zeros((2, 8)), FINE, COARSE), teacher, batch(2))[
        "context"
    ].backward()
    assert teacher.stages[1].grad.any()
    assert torch.isfinite(teacher.stages[1].grad).all()


@pytest.mark.parametrize(("options", "match"), [({"side": 0}, "side"), ({"width": 9, "heads": 2}, "divisible")])
def test_options_that_cannot_work(options, match):
    with pytest.raises(UserError, match=match):
        PAT(STUDENT, TEACHER, **options)
