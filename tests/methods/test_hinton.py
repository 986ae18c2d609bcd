"""Hinton's KD: one distance between two softened opinions."""

import pytest
from opinions import HEAD, LABELS, SCALE, WANTED, answers, kl, probabilities

from facedistill.errors import UserError
from facedistill.method import AbstractMethod
from facedistill.methods.hinton import HintonKD
from facedistill.signature import build


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_equals_a_plain_loop(temperature):
    own, wanted = probabilities(temperature)
    expected = temperature**2 * sum(kl(p, q) for p, q in zip(wanted, own, strict=True)) / 5
    terms = answers(HintonKD(HEAD, temperature=temperature, scale=SCALE))
    assert terms == {"probabilities": pytest.approx(expected, rel=1e-5)}


def test_no_distance_to_the_same_opinion():
    assert answers(HintonKD(HEAD), own=WANTED) == {"probabilities": pytest.approx(0, abs=1e-5)}


def test_labels_are_not_read():
    assert answers(HintonKD(HEAD), LABELS) == answers(HintonKD(HEAD), 5)


def test_published_default():
    assert HintonKD(HEAD).temperature == 4


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"scale": -1.0}])
@pytest.mark.parametrize("name", ["hinton", "dkd", "nkd", "dist_kd"])
def test_a_softmax_needs_a_scale_and_a_temperature(name, options):
    with pytest.raises(UserError, match="above 0"):
        build("methods", AbstractMethod, {name: options}, classifier=HEAD)
