"""PKT: whom every sample would choose as its neighbour."""

import math

import pytest
import torch
from made_up import arrays, batch, cosine, seen

from facedistill.methods.pkt import PKT, neighbours
from facedistill.types import Features


def choices(rows):
    """Each row's chances of the others."""
    kernels = [[(cosine(a, b) + 1) / 2 for j, b in enumerate(rows) if j != i] for i, a in enumerate(rows)]
    return [[value / sum(row) for value in row] for row in kernels]


def test_equals_a_plain_loop():
    own, wanted = arrays((6, 5), (6, 8))
    expected = 0
    for p, q in zip(choices(wanted), choices(own), strict=True):
        expected += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / 6
    terms = PKT()(seen(own), seen(wanted), batch(6))
    assert {name: term.item() for name, term in terms.items()} == {"neighbours": pytest.approx(expected, rel=1e-4)}


def test_a_turned_teacher_is_no_distance_away():
    (own,) = arrays((6, 5))
    turn, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))
    assert PKT()(seen(own), seen(3 * own @ turn.numpy()), batch(6))["neighbours"].item() == pytest.approx(0, abs=1e-6)


def test_opposite_rows_are_never_chosen():
    rows = torch.tensor([[1.0, 0], [-1, 0], [0, 1]], requires_grad=True)
    torch.testing.assert_close(neighbours(rows)[0], torch.tensor([0.0, 1]), atol=1e-6, rtol=0)
    value = PKT()(Features(rows), Features(torch.randn(3, 4)), batch(3))["neighbours"]
    value.backward()
    assert value.isfinite()
    assert rows.grad.isfinite().all()


def test_one_sample_has_nobody_to_choose():
    assert PKT()(seen([[1, 2]]), seen([[1, 2, 3]]), batch(1))["neighbours"].item() == 0
