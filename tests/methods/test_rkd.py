"""RKD: distances over pairs, angles over triplets."""

import itertools

import numpy as np
import pytest
import torch
from made_up import arrays, batch, cosine, seen

from facedistill.methods import rkd
from facedistill.methods.rkd import RKD, angle_loss, angles
from facedistill.types import Features

OWN, WANTED = arrays((6, 5), (6, 8))


def huber(a, b):
    gap = abs(a - b)
    return gap**2 / 2 if gap < 1 else gap - 0.5


def loop(own, wanted):
    """Both terms from the equations."""
    sides, n = (own, wanted), len(own)
    pairs = list(itertools.permutations(range(n), 2))
    means = [np.mean([np.linalg.norm(t[i] - t[j]) for i, j in pairs]) for t in sides]
    distance = [
        huber(*(np.linalg.norm(t[i] - t[j]) / mean for t, mean in zip(sides, means, strict=True))) for i, j in pairs
    ]
    triplets = itertools.permutations(range(n), 3)
    angle = [huber(*(cosine(t[i] - t[j], t[k] - t[j]) for t in sides)) for i, j, k in triplets]
    return {"distance": pytest.approx(np.mean(distance), rel=1e-4), "angle": pytest.approx(np.mean(angle), rel=1e-4)}


def unit(rows):
    return np.array([row / np.linalg.norm(row) for row in rows])


@pytest.mark.parametrize("normalise", [True, False])
def test_equals_a_plain_loop(normalise):
    terms = RKD(normalise=normalise)(seen(OWN), seen(WANTED), batch(6))
    expected = loop(unit(OWN), unit(WANTED)) if normalise else loop(OWN, WANTED)
    assert {name: term.item() for name, term in terms.items()} == expected


def test_huber_is_linear_beyond_one():
    """One pair is far away for the student only: its relative distance is more than 1 too large."""
    own, wanted = np.eye(4, 5), np.eye(4, 8)
    own[0] *= 40
    assert max(np.linalg.norm(own[0] - row) for row in own) > 1
    terms = RKD(normalise=False)(seen(own), seen(wanted), batch(4))
    assert {name: term.item() for name, term in terms.items()} == loop(own, wanted)


def test_shape_is_all_that_counts():
    turn, _ = np.linalg.qr(arrays((5, 5), seed=1)[0])
    terms = RKD(normalise=False)(seen(OWN), seen(7 * OWN @ turn + 3), batch(6))
    assert [term.item() for term in terms.values()] == [pytest.approx(0, abs=1e-6)] * 2


def test_corners_of_a_right_triangle():
    triangle = torch.tensor([[0.0, 0], [1, 0], [0, 1]])
    half = 0.5**0.5
    expected = [[[0, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, half], [0, 0, 0], [half, 0, 1]]]
    torch.testing.assert_close(angles(triangle, triangle[:2]), torch.tensor(expected))


def test_a_few_corners_at_a_time_are_the_same(monkeypatch):
    rows = torch.tensor(OWN, requires_grad=True)
    whole = angle_loss(rows, torch.tensor(WANTED))
    (expected,) = torch.autograd.grad(whole, rows)
    monkeypatch.setattr(rkd, "NUMBERS_AT_ONCE", 2 * 6 * (6 + 8))
    parts = angle_loss(rows, torch.tensor(WANTED))
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts, rows)[0], expected)


@pytest.mark.parametrize("rows", [torch.zeros(4, 5), torch.ones(4, 5), torch.ones(2, 5), torch.ones(1, 5)])
def test_equal_rows_are_finite(rows):
    own = rows.clone().requires_grad_()
    terms = RKD()(Features(own), Features(torch.randn(len(rows), 8)), batch(len(rows)))
    sum(terms.values()).backward()
    assert all(term.isfinite() for term in terms.values())
    assert own.grad is not None
    assert own.grad.isfinite().all()
