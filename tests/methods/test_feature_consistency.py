"""Mean squared distance of unit embeddings."""

import numpy as np
import pytest
import torch
from made_up import arrays, batch, seen

from facedistill.methods.feature_consistency import FeatureConsistency
from facedistill.types import Spec

OWN, WANTED = arrays((5, 8), (5, 8))


def loop(own, wanted, entries):
    total = 0.0
    for a, b in zip(own, wanted, strict=True):
        total += sum((x / np.linalg.norm(a) - y / np.linalg.norm(b)) ** 2 for x, y in zip(a, b, strict=True))
    return total / len(own) / (len(wanted[0]) if entries else 1)


@pytest.mark.parametrize("average", ["samples", "entries"])
def test_equals_a_plain_loop(average):
    terms = FeatureConsistency(Spec(8), Spec(8), average=average)(seen(OWN), seen(WANTED), batch(5))
    assert terms["embedding"].item() == pytest.approx(loop(OWN, WANTED, average == "entries"), rel=1e-5)


def test_different_widths_meet_in_the_teachers():
    (own,) = arrays((5, 3), seed=1)
    method = FeatureConsistency(Spec(3), Spec(8), average="entries")
    matrix = method.projector.weight.detach().numpy()
    term = method(seen(own), seen(WANTED), batch(5))["embedding"]
    assert term.item() == pytest.approx(loop(own @ matrix.T, WANTED, True), rel=1e-5)


@pytest.mark.parametrize(("factor", "distance"), [(3, 0), (-1, 4)])
def test_lengths_do_not_count(factor, distance):
    terms = FeatureConsistency(Spec(8), Spec(8))(seen(factor * WANTED), seen(WANTED), batch([0, 1, 2, 3, 4]))
    assert terms["embedding"].item() == pytest.approx(distance, abs=1e-5)


def test_vector_of_zeros_is_finite():
    own = seen(np.zeros((5, 8)))
    own.embedding.requires_grad_()
    FeatureConsistency(Spec(8), Spec(8))(own, seen(WANTED), batch(5))["embedding"].backward()
    assert torch.isfinite(own.embedding.grad).all()
