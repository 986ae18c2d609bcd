"""DKD: the true identity, and the others among themselves."""

import pytest
import torch
from made_up import batch, seen
from opinions import HEAD, LABELLED, LABELS, OWN, SCALE, WANTED, Z, answers, kl, others, probabilities

from facedistill.methods.dkd import DKD
from facedistill.methods.hinton import HintonKD
from facedistill.types import UNLABELLED, Features


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_equals_a_plain_loop(temperature):
    own, wanted = probabilities(temperature)
    target = non_target = 0
    for i in LABELLED:
        y = LABELS[i]
        target += temperature**2 * kl([wanted[i][y], 1 - wanted[i][y]], [own[i][y], 1 - own[i][y]]) / len(LABELLED)
        non_target += temperature**2 * kl(others(wanted[i], y), others(own[i], y)) / len(LABELLED)
    terms = answers(DKD(HEAD, temperature=temperature, scale=SCALE))
    assert terms == {"target": pytest.approx(target, rel=1e-4), "non_target": pytest.approx(non_target, rel=1e-4)}


def test_takes_hintons_distance_apart():
    """KL = TCKD + (1 - p_T,y) NCKD, the paper's observation, sample by sample."""
    _, wanted = probabilities(4.0)
    parts = 0
    for i, row in enumerate(wanted):
        alone = [1 if j == i else UNLABELLED for j in range(5)]
        terms = answers(DKD(HEAD, scale=SCALE), alone)
        parts += (terms["target"] + (1 - row[1]) * terms["non_target"]) / 5
    assert parts == pytest.approx(answers(HintonKD(HEAD, scale=SCALE))["probabilities"], rel=1e-4)


def test_no_distance_to_the_same_opinion():
    assert answers(DKD(HEAD), own=WANTED) == dict.fromkeys(("target", "non_target"), pytest.approx(0, abs=1e-4))


def test_nobody_labelled():
    assert answers(DKD(HEAD), 5) == {"target": 0, "non_target": 0}


def test_sure_opinions_have_a_finite_gradient():
    """At scale 64 and temperature 0.1 all probabilities but one are 0 in float32."""
    own = torch.tensor(OWN, dtype=torch.float32, requires_grad=True)
    student = Features(torch.zeros(5, 3), (), {"cosines": own})
    for value in DKD(HEAD, temperature=0.1)(student, seen(Z), batch(LABELS)).values():
        (gradient,) = torch.autograd.grad(value, own, retain_graph=True)
        assert gradient.isfinite().all()


def test_published_default():
    assert DKD(HEAD).temperature == 4
