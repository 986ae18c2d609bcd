"""DarkRank: chances of rankings."""

import itertools
import math

import numpy as np
import pytest
import torch
from made_up import arrays, batch, seen

from facedistill.errors import UserError
from facedistill.methods.darkrank import DarkRank, log_probability
from facedistill.types import Features

OWN, WANTED = arrays((6, 5), (6, 8))


def lists(rows, alpha, beta):
    """Scores of the others, by sample."""
    rows = [row / np.linalg.norm(row) for row in rows]
    return [
        {j: -alpha * np.linalg.norm(a - b) ** beta for j, b in enumerate(rows) if j != i} for i, a in enumerate(rows)
    ]


def chance(scores, ranking):
    value = 1.0
    for k in range(len(ranking)):
        value *= math.exp(scores[ranking[k]]) / sum(math.exp(scores[other]) for other in ranking[k:])
    return value


def rankings(length, alpha=3, beta=3):
    """Student's and teacher's scores, with the teacher's ranking."""
    for own, wanted in zip(lists(OWN, alpha, beta), lists(WANTED, alpha, beta), strict=True):
        yield own, wanted, sorted(wanted, key=wanted.get, reverse=True)[:length]


def value(method, own=OWN, wanted=WANTED):
    terms = method(seen(own), seen(wanted), batch(len(own)))
    assert list(terms) == ["rank"]
    return terms["rank"].item()


@pytest.mark.parametrize(("length", "numbers"), [(None, {}), (3, {}), (9, {}), (None, {"alpha": 2.0, "beta": 1.0})])
def test_hard_equals_a_plain_loop(length, numbers):
    expected = -np.mean([math.log(chance(own, ranking)) for own, _, ranking in rankings(length, **numbers)])
    assert value(DarkRank(length=length, **numbers)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("length", [2, 4])
def test_soft_equals_a_plain_loop(length):
    expected = 0
    for own, wanted, ranking in rankings(length):
        orders = list(itertools.permutations(ranking))
        assert sum(chance(wanted, order) for order in orders) == pytest.approx(1)
        expected += sum(chance(wanted, o) * math.log(chance(wanted, o) / chance(own, o)) for o in orders) / 6
    assert value(DarkRank(transfer="soft", length=length)) == pytest.approx(expected, rel=1e-3)


def test_the_true_ranking_is_the_likeliest():
    scores = torch.tensor([[3.0, 2, 1], [1, 2, 3]])
    right, wrong = log_probability(scores)
    assert right > wrong
    assert right.item() == pytest.approx(
        math.log(math.exp(3) / (math.exp(3) + math.exp(2) + math.e) * math.e / (1 + math.e))
    )


def test_soft_is_no_distance_from_itself():
    assert value(DarkRank(transfer="soft", length=4), OWN, OWN) == pytest.approx(0, abs=1e-6)


def test_published_defaults():
    method = DarkRank()
    assert (method.alpha, method.beta) == (3, 3)


@pytest.mark.parametrize("options", [{}, {"transfer": "soft", "length": 3}, {"beta": 1.0}])
@pytest.mark.parametrize("n", [1, 4])
def test_ties_are_finite(options, n):
    own = torch.ones(n, 5, requires_grad=True)
    term = DarkRank(**options)(Features(own), Features(torch.ones(n, 8)), batch(n))["rank"]
    term.backward()
    assert term.isfinite()
    assert own.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": 0.0}, "alpha > 0"),
        ({"beta": 0.5}, "beta >= 1"),
        ({"length": 1}, "2 or more"),
        ({"transfer": "soft"}, "all rankings"),
        ({"transfer": "soft", "length": 7}, "all rankings"),
    ],
)
def test_what_cannot_be_ranked(options, sentence):
    with pytest.raises(UserError, match=sentence):
        DarkRank(**options)
