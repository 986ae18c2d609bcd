"""DIST: correlations along rows and columns of the same two tables."""

import numpy as np
import pytest
import torch
from opinions import HEAD, LABELS, SCALE, WANTED, answers, probabilities

from facedistill.methods.dist_kd import DIST, correlation


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_equals_a_plain_loop(temperature):
    own, wanted = (np.array(side) for side in probabilities(temperature))
    inter = 1 - np.mean([np.corrcoef(own[i], wanted[i])[0, 1] for i in range(5)])
    intra = 1 - np.mean([np.corrcoef(own[:, j], wanted[:, j])[0, 1] for j in range(4)])
    assert answers(DIST(HEAD, temperature=temperature, scale=SCALE)) == {
        "inter": pytest.approx(temperature**2 * inter, rel=1e-4),
        "intra": pytest.approx(temperature**2 * intra, rel=1e-4),
    }


def test_correlation_forgives_scale_and_shift_whatever_the_size():
    rows = torch.randn(3, 6)
    for scale in (3.0, 1e-20):
        torch.testing.assert_close(correlation(scale * rows, rows), torch.ones(3))
        torch.testing.assert_close(correlation(-scale * rows, rows), -torch.ones(3))
    torch.testing.assert_close(correlation(rows + 5, rows), torch.ones(3))


def test_a_constant_is_uncorrelated():
    constant = torch.full((1, 6), 0.25, requires_grad=True)
    found = correlation(constant, torch.randn(1, 6))
    found.sum().backward()
    assert found.item() == pytest.approx(0, abs=1e-6)
    assert constant.grad.isfinite().all()


def test_no_distance_to_the_same_opinion():
    """At scale 64 the least likely identities have probabilities near 1e-30."""
    assert answers(DIST(HEAD), own=WANTED) == dict.fromkeys(("inter", "intra"), pytest.approx(0, abs=1e-4))


def test_labels_are_not_read():
    assert answers(DIST(HEAD), LABELS) == answers(DIST(HEAD), 5)


def test_published_default():
    assert DIST(HEAD).temperature == 1
