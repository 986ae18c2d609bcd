"""Distillation of embeddings by direction."""

import math

import numpy as np
import pytest
import torch

from facedistill.methods.cosine import Cosine
from facedistill.types import UNLABELLED, Batch, Features, Spec


def batch(size):
    count = torch.arange(size)
    return Batch(torch.full((size,), UNLABELLED), count, torch.zeros(size, dtype=torch.int64), torch.tensor(0.5))


def loop(own, wanted):
    gaps = []
    for a, b in zip(own, wanted, strict=True):
        gaps.append(1 - sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b)))
    return sum(gaps) / len(gaps)


def test_equal_widths_need_no_projector():
    rng = np.random.default_rng(0)
    own, wanted = rng.normal(size=(6, 8)), rng.normal(size=(6, 8))
    method = Cosine(Spec(8), Spec(8))
    terms = method(Features(torch.tensor(own).float()), Features(torch.tensor(wanted).float()), batch(6))
    assert not list(method.parameters())
    assert list(terms) == ["embedding"]
    assert terms["embedding"].item() == pytest.approx(loop(own, wanted), rel=1e-5)


def test_different_widths():
    rng = np.random.default_rng(0)
    own, wanted = rng.normal(size=(6, 5)), rng.normal(size=(6, 8))
    method = Cosine(Spec(5), Spec(8))
    terms = method(Features(torch.tensor(own).float()), Features(torch.tensor(wanted).float()), batch(6))
    matrix = method.projector.weight.detach().numpy()
    assert terms["embedding"].item() == pytest.approx(loop(own @ matrix.T, wanted), rel=1e-5)
    terms["embedding"].backward()
    assert method.projector.weight.grad.any()


def test_zero_for_the_same_direction_two_for_the_opposite():
    method, wanted = Cosine(Spec(8), Spec(8)), torch.randn(3, 8)
    for factor, distance in ((5.0, 0), (-0.1, 2)):
        term = method(Features(factor * wanted), Features(wanted), batch(3))["embedding"]
        assert term.item() == pytest.approx(distance, abs=1e-6)


def test_vector_of_zeros_is_finite():
    own = torch.zeros(3, 8, requires_grad=True)
    term = Cosine(Spec(8), Spec(8))(Features(own), Features(torch.randn(3, 8)), batch(3))["embedding"]
    term.backward()
    assert term.item() == pytest.approx(1)
    assert own.grad.isfinite().all()
