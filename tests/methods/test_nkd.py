"""NKD: two cross entropies, each between distributions."""

import math

import pytest
from opinions import HEAD, LABELLED, LABELS, SCALE, answers, others, probabilities

from facedistill.methods.nkd import NKD


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_equals_a_plain_loop(temperature):
    (own, wanted), (soft_S, soft_T) = probabilities(1.0), probabilities(temperature)
    target = non_target = 0
    for i in LABELLED:
        y = LABELS[i]
        target -= wanted[i][y] * math.log(own[i][y]) / len(LABELLED)
        pairs = zip(others(soft_T[i], y), others(soft_S[i], y), strict=True)
        non_target -= temperature**2 * sum(p * math.log(q) for p, q in pairs) / len(LABELLED)
    terms = answers(NKD(HEAD, temperature=temperature, scale=SCALE))
    assert terms == {"target": pytest.approx(target, rel=1e-4), "non_target": pytest.approx(non_target, rel=1e-4)}


def test_nobody_labelled():
    assert answers(NKD(HEAD), 5) == {"target": 0, "non_target": 0}


def test_published_default():
    assert NKD(HEAD).temperature == 1
