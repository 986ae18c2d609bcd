"""EKD: soft ranks among the negatives, by thresholds that are averaged over batches."""

import itertools
import math

import numpy as np
import pytest
import torch
from made_up import arrays, batch, cosine, seen

from facedistill.errors import UserError
from facedistill.methods.ekd import EKD
from facedistill.types import UNLABELLED

OWN, WANTED = arrays((9, 5), (9, 8))
LABELS = [0, 1, 0, UNLABELLED, 1, 0, 2, 3, 4]
PAIRS = [(i, j) for i, j in itertools.combinations(range(9), 2) if UNLABELLED not in (LABELS[i], LABELS[j])]
POSITIVE = [(i, j) for i, j in PAIRS if LABELS[i] == LABELS[j]]
NEGATIVE = [(i, j) for i, j in PAIRS if LABELS[i] != LABELS[j]]


def thresholds(rows):
    """24 negatives: the second largest cosine, then the largest; nothing further can be told."""
    assert len(NEGATIVE) == 24
    ordered = sorted((cosine(rows[i], rows[j]) for i, j in NEGATIVE), reverse=True)
    return [ordered[24 // 10 - 1], ordered[0]]


def rank(value, taus, omega):
    return sum(1 / (1 + math.exp(-(value - tau) / omega)) for tau in taus)


def loop(pairs, taus, omega):
    gaps = [
        (rank(cosine(OWN[i], OWN[j]), taus[0], omega) - rank(cosine(WANTED[i], WANTED[j]), taus[1], omega)) ** 2
        for i, j in pairs
    ]
    return sum(gaps) / len(gaps)


@pytest.mark.parametrize("omega", [0.2, 0.05])
def test_equals_plain_loops(omega):
    taus = thresholds(OWN), thresholds(WANTED)
    hardest = sorted(NEGATIVE, key=lambda pair: -cosine(OWN[pair[0]], OWN[pair[1]]))[:7]
    terms = EKD(temperature=omega, hardest=7)(seen(OWN), seen(WANTED), batch(LABELS))
    assert terms["positive"].item() == pytest.approx(loop(POSITIVE, taus, omega), rel=1e-3)
    assert terms["negative"].item() == pytest.approx(loop(hardest, taus, omega), rel=1e-3)


def test_thresholds_move_by_their_momentum():
    method = EKD(momentum=0.25)
    method(seen(OWN), seen(WANTED), batch(LABELS))
    assert method.known.tolist() == [True, True, False, False, False, False]
    assert method.tau[0, :2].tolist() == pytest.approx(thresholds(OWN), rel=1e-5)
    method(seen(WANTED), seen(OWN), batch(LABELS))
    expected = [0.75 * a + 0.25 * b for a, b in zip(thresholds(OWN), thresholds(WANTED), strict=True)]
    assert method.tau[0, :2].tolist() == pytest.approx(expected, rel=1e-5)


def test_judging_moves_nothing():
    method = EKD().eval()
    terms = method(seen(OWN), seen(WANTED), batch(LABELS))
    assert not method.known.any()
    assert {name: term.item() for name, term in terms.items()} == {"positive": 0, "negative": 0}


@pytest.mark.parametrize(("count", "known"), [(1, 1), (9, 1), (10, 2), (105, 3), (1000, 4)])
def test_a_threshold_needs_its_share_of_negatives(count, known):
    """The first one out of reach is the largest cosine; of those after it a batch says nothing."""
    method, cosines = EKD(), torch.rand(2, count + 5)
    negative = torch.arange(count + 5) < count
    method._observe(cosines, negative)
    assert method.known.sum() == known
    ordered = np.sort(cosines[0, :count].numpy())[::-1]
    expected = [ordered[max(1, count // 10**k) - 1] for k in range(1, known + 1)]
    assert method.tau[0, :known].tolist() == pytest.approx(expected)


def test_published_defaults():
    method = EKD()
    assert (len(method.known), method.temperature, method.hardest, method.momentum) == (6, 0.01, 2000, 0.01)


def test_the_same_faces_cost_nothing():
    terms = EKD()(seen(WANTED), seen(WANTED), batch(LABELS))
    assert terms["positive"].item() == pytest.approx(0, abs=1e-9)


def test_options_that_cannot_work():
    with pytest.raises(UserError, match="above 0"):
        EKD(hardest=0)
