"""EC-KD's consistency: hard faces weigh more."""

import math

import numpy as np
import pytest
import torch
from made_up import arrays, batch, seen

from facedistill.methods.ec_kd import ECKD
from facedistill.types import Spec

OWN, WANTED = arrays((5, 8), (5, 8))


def test_equals_a_plain_loop():
    distances = [
        np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)) for a, b in zip(OWN, WANTED, strict=True)
    ]
    expected = sum(math.exp(d) * d**2 for d in distances) / 5
    terms = ECKD(Spec(8), Spec(8))(seen(OWN), seen(WANTED), batch(5))
    assert terms["consistency"].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("factor", "loss"), [(1, 0), (-1, 4 * math.exp(2))])
def test_corners(factor, loss):
    own = seen(factor * WANTED)
    own.embedding.requires_grad_()
    term = ECKD(Spec(8), Spec(8))(own, seen(WANTED), batch(5))["consistency"]
    term.backward()
    assert term.item() == pytest.approx(loss, abs=1e-5)
    assert torch.isfinite(own.embedding.grad).all()
