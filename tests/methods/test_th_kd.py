"""TH-KD: both networks before the teacher's classifier."""

import numpy as np
import pytest
from made_up import arrays, batch, classifier, cosine, seen
from opinions import kl, softmax

from facedistill.errors import UserError
from facedistill.methods.th_kd import TeacherHeadKD
from facedistill.types import Spec

CENTRES, OWN, WANTED = arrays((4, 8), (5, 8), (5, 8))


def loop(own, wanted, temperature, scale):
    embedding = [np.sum((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2) for a, b in zip(own, wanted, strict=True)]
    opinions = [
        [softmax([scale * cosine(z, w) / temperature for w in CENTRES]) for z in rows] for rows in (wanted, own)
    ]
    probabilities = [kl(p, q) for p, q in zip(*opinions, strict=True)]
    return {"embedding": np.mean(embedding), "probabilities": temperature**2 * np.mean(probabilities)}


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_equals_a_plain_loop(temperature):
    method = TeacherHeadKD(Spec(8), classifier(CENTRES), temperature=temperature, scale=6.0)
    terms = method(seen(OWN), seen(WANTED), batch(5))
    found = {name: term.item() for name, term in terms.items()}
    assert found == pytest.approx(loop(OWN, WANTED, temperature, 6.0), rel=1e-4)


def test_another_width():
    (own,) = arrays((5, 3), seed=1)
    method = TeacherHeadKD(Spec(3), classifier(CENTRES), scale=6.0)
    found = {name: term.item() for name, term in method(seen(own), seen(WANTED), batch(5)).items()}
    matrix = method.projector.weight.detach().numpy()
    assert found == pytest.approx(loop(own @ matrix.T, WANTED, 4.0, 6.0), rel=1e-4)


def test_the_head_is_frozen():
    assert not list(TeacherHeadKD(Spec(8), classifier(CENTRES)).parameters())


def test_no_temperature():
    with pytest.raises(UserError, match="above 0"):
        TeacherHeadKD(Spec(8), classifier(CENTRES), temperature=0.0)
