"""CCKD: the Taylor series of a radial kernel, pair by pair."""

import math

import pytest
import torch
from made_up import arrays, batch, cosine, seen

from facedistill.errors import UserError
from facedistill.methods.cckd import CCKD

OWN, WANTED = arrays((6, 5), (6, 8))


def phi(a, b, gamma, order):
    terms = [(2 * gamma) ** p / math.factorial(p) * cosine(a, b) ** p for p in range(order + 1)]
    return math.exp(-2 * gamma) * sum(terms)


@pytest.mark.parametrize(("gamma", "order"), [(0.4, 2), (0.4, 1), (1.5, 4)])
def test_equals_a_plain_loop(gamma, order):
    gaps = [
        phi(OWN[i], OWN[j], gamma, order) - phi(WANTED[i], WANTED[j], gamma, order) for i in range(6) for j in range(6)
    ]
    terms = CCKD(gamma=gamma, order=order)(seen(OWN), seen(WANTED), batch(6))
    expected = sum(gap**2 for gap in gaps) / 36
    assert {name: term.item() for name, term in terms.items()} == {"correlation": pytest.approx(expected, rel=1e-4)}


def test_the_series_has_its_last_power():
    """Public code stops at p = P - 1, which leaves a straight line of P = 2."""
    at = CCKD().kernel(torch.tensor([-1.0, 0, 1]))
    assert (at[0] + at[2] - 2 * at[1]).item() == pytest.approx(2 * math.exp(-0.8) * 0.8**2 / 2)


def test_many_powers_are_the_kernel():
    cosines = torch.linspace(-1, 1, 9)
    torch.testing.assert_close(CCKD(order=12).kernel(cosines), (-0.4 * (2 - 2 * cosines)).exp())


def test_published_defaults():
    assert CCKD().coefficients == pytest.approx([math.exp(-0.8) * c for c in (1, 0.8, 0.32)])


@pytest.mark.parametrize("options", [{"gamma": 0.0}, {"order": 0}])
def test_what_makes_no_kernel(options):
    with pytest.raises(UserError, match="CCKD needs"):
        CCKD(**options)
