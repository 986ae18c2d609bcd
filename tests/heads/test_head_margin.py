"""What margin softmaxes share, against a plain loop; ``softmax`` is the one without a margin."""

import math

import numpy as np
import pytest
import torch

from facedistill.heads.adaface import AdaFace
from facedistill.heads.arcface import ArcFace
from facedistill.heads.cosface import CosFace
from facedistill.heads.softmax import Softmax
from facedistill.types import UNLABELLED

HEADS = (ArcFace, CosFace, AdaFace, Softmax)


def loop_loss(z, centres, labels, psi, scale):
    """Mean over labelled samples of −log softmax at the label, one number at a time."""
    losses = []
    for row, label in zip(z, labels, strict=True):
        if label == UNLABELLED:
            continue
        logits = []
        for j, centre in enumerate(centres):
            cos = sum(a * b for a, b in zip(row, centre, strict=True)) / (math.hypot(*row) * math.hypot(*centre))
            logits.append(scale * (psi(cos) if j == label else cos))
        top = max(logits)
        losses.append(top + math.log(sum(math.exp(x - top) for x in logits)) - logits[label])
    return sum(losses) / max(1, len(losses))


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    return rng.normal(size=(7, 5)), rng.normal(size=(4, 5)), [0, 3, UNLABELLED, 1, 1, UNLABELLED, 2]


def given(head, centres):
    head.inherit(torch.as_tensor(centres), "trained")
    return head


@pytest.mark.parametrize(
    ("head", "psi", "scale"),
    [
        (Softmax(5, 4, scale=8.0), lambda cos: cos, 8.0),
        (CosFace(5, 4), lambda cos: cos - 0.35, 64.0),
        (CosFace(5, 4, margin=0.4, scale=30.0), lambda cos: cos - 0.4, 30.0),
        (ArcFace(5, 4), lambda cos: math.cos(math.acos(cos) + 0.5), 64.0),
        (ArcFace(5, 4, gradient="straight_through"), lambda cos: math.cos(math.acos(cos) + 0.5), 64.0),
    ],
)
def test_equals_a_plain_loop(sample, head, psi, scale):
    z, centres, labels = sample
    loss = given(head, centres)(torch.tensor(z).float(), torch.tensor(labels))
    assert loss.item() == pytest.approx(loop_loss(z, centres, labels, psi, scale), rel=1e-5)


@pytest.mark.parametrize("head", [Softmax(5, 4), CosFace(5, 4), ArcFace(5, 4)])
def test_gradient_is_that_of_the_loop(sample, head):
    """Central differences of the loop in float64."""
    z, centres, labels = sample
    psi = {Softmax: lambda c: c, CosFace: lambda c: c - 0.35, ArcFace: lambda c: math.cos(math.acos(c) + 0.5)}
    embedding = torch.tensor(z).float().requires_grad_()
    given(head, centres)(embedding, torch.tensor(labels)).backward()
    for i, d in ((0, 0), (1, 4), (2, 1), (6, 2)):
        ends = []
        for step in (1e-5, -1e-5):
            moved = z.copy()
            moved[i, d] += step
            ends.append(loop_loss(moved, centres, labels, psi[type(head)], 64.0))
        assert embedding.grad[i, d].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_parallel_and_opposite_are_finite(head, sign):
    """cosθ = ±1, where sinθ has no slope, and a hair beyond by rounding."""
    centres = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    embedding = (sign * 17 * centres).requires_grad_()
    loss = given(head(64, 4), centres)(embedding, torch.arange(4))
    loss.backward()
    assert loss.isfinite()
    assert embedding.grad.isfinite().all()


@pytest.mark.parametrize("head", HEADS)
def test_vector_of_zeros_is_finite(head):
    embedding = torch.zeros(3, 8, requires_grad=True)
    loss = head(8, 4)(embedding, torch.tensor([0, 1, UNLABELLED]))
    loss.backward()
    assert loss.isfinite()
    assert embedding.grad.isfinite().all()
    assert embedding.grad.abs().max() < 1e6


@pytest.mark.parametrize("head", HEADS)
def test_none_labelled_is_zero_within_the_graph(head):
    embedding = torch.randn(3, 8, requires_grad=True)
    built = head(8, 4)
    before = {name: value.clone() for name, value in built.state_dict().items()}
    loss = built(embedding, torch.full((3,), UNLABELLED))
    loss.backward()
    assert loss.item() == 0
    assert not embedding.grad.any()
    assert not built.centres.grad.any()
    assert all(torch.equal(value, before[name]) for name, value in built.state_dict().items())


@pytest.mark.parametrize("head", HEADS)
def test_one_identity_costs_nothing(head):
    loss = head(8, 1)(torch.randn(3, 8), torch.zeros(3, dtype=torch.int64))
    assert loss.item() == pytest.approx(0)


@pytest.mark.parametrize("head", HEADS)
def test_autocast_changes_nothing(head):
    torch.manual_seed(0)
    built, embedding, labels = head(8, 4).eval(), torch.randn(3, 8), torch.tensor([0, 1, 3])
    with torch.autocast("cpu", torch.bfloat16):
        loss = built(embedding, labels)
    assert torch.equal(loss, built(embedding, labels))


def test_larger_margins_cost_more():
    torch.manual_seed(0)
    embedding, labels = torch.randn(3, 8), torch.tensor([0, 1, 3])
    centres = torch.randn(4, 8)
    costs = [given(CosFace(8, 4, margin=m), centres)(embedding, labels).item() for m in (0.0, 0.2, 0.4)]
    assert costs == sorted(costs)
    assert costs[0] == pytest.approx(given(Softmax(8, 4), centres)(embedding, labels).item())


@pytest.mark.parametrize("held", ["moved", "frozen"])
def test_untrained_centres_get_no_gradient(held):
    head = CosFace(8, 4)
    head.inherit(torch.eye(4, 8), held)
    assert not head.centres.requires_grad
    assert torch.equal(head.state_dict()["centres"], torch.eye(4, 8))
    assert ("centres" in dict(head.named_buffers())) == (held == "moved"), "a forward pass may change buffers only"
