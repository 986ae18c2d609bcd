"""Partially cross attention and group-wise linear maps."""

import numpy as np
import pytest
import torch
from made_up import arrays, batch, seen

from facedistill.align.chance import bernoulli
from facedistill.align.groupwise import GroupwiseLinear
from facedistill.errors import UserError
from facedistill.methods.partial_cross_attention import PartialCrossAttention
from facedistill.types import Batch, Spec, Stage

STUDENT, TEACHER = Spec(8, (Stage(5, (6, 6)),)), Spec(8, (Stage(4, (6, 6)),))
OWN, WANTED = arrays((2, 5, 6, 6), (2, 4, 6, 6))
TOKENS = [[WANTED[n, :, i, j] for i in range(6) for j in range(6)] for n in range(2)]
H = np.array([[(t - t.mean()) / np.sqrt(t.var() + 1e-5) for t in rows] for rows in TOKENS])


def attention(query, key, value):
    out = []
    for q in query:
        powers = [np.exp(q @ k / 2) for k in key]
        out.append(sum(p * v for p, v in zip(powers, value, strict=True)) / sum(powers))
    return np.array(out)


def convolved(method):
    """Q, K, V of every cell by a plain 3x3 convolution with zeros around."""
    weight = method.query_key_value.weight.detach().double().numpy()
    bias = method.query_key_value.bias.detach().double().numpy()
    padded = np.pad(OWN, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.array(
        [
            [
                np.einsum("ocij,cij->o", weight, padded[n, :, y : y + 3, x : x + 3]) + bias
                for y in range(6)
                for x in range(6)
            ]
            for n in range(2)
        ]
    )


def linear(method):
    """One map for the 4x4 cells at the upper left, others for the remaining strips."""
    out = np.zeros((2, 36, 4))
    for y in range(6):
        for x in range(6):
            own = method.linear.maps[y // 4][x // 4]
            out[:, 6 * y + x] = OWN[:, :, y, x] @ own.weight.detach().numpy()[:, :, 0, 0].T + own.bias.detach().numpy()
    return out


def loop(method, taken=None):
    projected = convolved(method)
    crossed = projected if taken is None else np.where(taken, np.tile(H, 3), projected)
    attentions = [attention(*np.split(crossed[n], 3, axis=1)) - attention(H[n], H[n], H[n]) for n in range(2)]
    values = [v @ v.T / 2 - h @ h.T / 2 for v, h in zip(projected[:, :, 8:], H, strict=True)]
    return {
        "attention": np.mean(np.square(attentions)),
        "values": np.mean(np.square(values)),
        "mapping": np.mean((linear(method) - H) ** 2),
    }


@pytest.mark.parametrize("training", [False, True])
def test_equals_plain_loops(training):
    method = PartialCrossAttention(STUDENT, TEACHER).train(training)
    terms = method(seen(np.zeros((2, 8)), OWN), seen(np.zeros((2, 8)), WANTED), batch(2))
    taken = bernoulli(batch(2), (36, 12), 0.5).numpy() if training else None
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(loop(method, taken), rel=1e-3)


def test_everything_replaced_is_the_teacher():
    method = PartialCrossAttention(STUDENT, TEACHER, replaced=1.0)
    terms = method(seen(np.zeros((2, 8)), OWN), seen(np.zeros((2, 8)), WANTED), batch(2))
    assert terms["attention"].item() == pytest.approx(0, abs=1e-9)


def test_bernoulli_are_fair_and_belong_to_sample_and_view():
    count = torch.arange(40)
    views = Batch(count, count + 10**6, count * 0, torch.tensor(0.0))
    found = bernoulli(views, (50, 30), 0.3)
    assert found.float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert found.float().mean((1, 2)).std() < 0.03
    assert not torch.equal(found[0], found[1])
    again = Batch(count[:1], count[7:8] + 10**6, count[:1], torch.tensor(1.0))
    assert torch.equal(bernoulli(again, (50, 30), 0.3)[0], found[7])
    later = Batch(count[:1], count[7:8] + 10**6, count[:1] + 1, torch.tensor(1.0))
    assert (bernoulli(later, (50, 30), 0.3)[0] == found[7]).float().mean().item() == pytest.approx(0.58, abs=0.05)


def test_a_grid_that_groups_do_not_divide():
    maps = GroupwiseLinear(3, 2, (7, 5), 4)
    assert [len(row) for row in maps.maps] == [2, 2]
    assert maps(torch.randn(2, 3, 7, 5)).shape == (2, 2, 7, 5)


@pytest.mark.parametrize("options", [{"replaced": 1.5}, {"side": 0}])
def test_options_that_cannot_work(options):
    with pytest.raises(UserError, match="replaced"):
        PartialCrossAttention(STUDENT, TEACHER, **options)
