"""ArcFace's two gradients and its behaviour at angles beyond π − m."""

import math

import pytest
import torch

from facedistill.heads.arcface import ArcFace

EVERYONE = torch.ones(1, dtype=torch.bool)


def psi_and_slope(head, cos):
    at = torch.tensor([cos], requires_grad=True)
    psi = head.with_margin(at, torch.ones(1), EVERYONE)
    psi.backward(torch.ones(1))
    return psi.item(), at.grad.item()


@pytest.mark.parametrize("cos", [-0.8, -0.3, 0.0, 0.6, 0.99])
@pytest.mark.parametrize("m", [0.3, 0.5])
def test_exact_slope(cos, m):
    theta = math.acos(cos)
    psi, slope = psi_and_slope(ArcFace(4, 3, margin_rad=m), cos)
    assert psi == pytest.approx(math.cos(theta + m), abs=1e-6)
    assert slope == pytest.approx(math.sin(theta + m) / math.sin(theta), rel=1e-4)


@pytest.mark.parametrize("cos", [-0.95, 0.0, 0.6, 0.99])
def test_straight_through_passes_the_gradient_of_the_cosine(cos):
    psi, slope = psi_and_slope(ArcFace(4, 3, gradient="straight_through"), cos)
    assert psi == pytest.approx(math.cos(math.acos(cos) + 0.5), abs=1e-6)
    assert slope == 1


def test_published_ratio_of_the_two_gradients():
    """−1.918 (insightface) against −2.373 (exact) at cosθ = 0.6, m = 0.5."""
    slopes = [psi_and_slope(ArcFace(4, 3, gradient=g), 0.6)[1] for g in ("exact", "straight_through")]
    assert slopes[0] / slopes[1] == pytest.approx(2.373 / 1.918, abs=1e-3)


def test_whole_gradient_differs_by_that_ratio_at_the_true_logit():
    """With W and z on a plane at cosθ = 0.6; only the true centre's gradient carries the margin's derivative."""
    centres = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    gradients = []
    for kind in ("exact", "straight_through"):
        head = ArcFace(2, 2, gradient=kind, scale=4.0)
        head.inherit(centres, "trained")
        head(torch.tensor([[0.6, 0.8]]), torch.tensor([0])).backward()
        gradients.append(head.centres.grad)
    theta = math.acos(0.6)
    assert gradients[0][0, 1] / gradients[1][0, 1] == pytest.approx(math.sin(theta + 0.5) / math.sin(theta), rel=1e-4)
    assert torch.equal(gradients[0][1], gradients[1][1])


def test_psi_falls_over_the_whole_half_turn():
    """cos(θ + m) alone would rise again beyond π − m; there ψ = cosθ − m sin m with the slope of the cosine."""
    theta = torch.linspace(0, math.pi, 400)
    psi = ArcFace(4, 3).with_margin(theta.cos(), torch.ones(400), torch.ones(400, dtype=torch.bool))
    assert (psi.diff() < 0).all()
    assert psi_and_slope(ArcFace(4, 3), -0.95) == pytest.approx((-0.95 - 0.5 * math.sin(0.5), 1.0))
