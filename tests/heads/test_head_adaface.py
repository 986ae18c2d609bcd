"""AdaFace against a plain loop, its running statistics included."""

import math

import numpy as np
import pytest
import torch

from facedistill.heads.adaface import AdaFace
from facedistill.types import UNLABELLED


def loop(z, centres, labels, mean, std, *, m=0.4, h=0.333, t=0.01, s=64.0):
    """Loss and the new running mean and deviation."""
    norms = [min(max(math.sqrt(sum(x * x for x in row)), 0.001), 100.0) for row in z]
    seen = [norm for norm, label in zip(norms, labels, strict=True) if label != UNLABELLED]
    mean = t * float(np.mean(seen)) + (1 - t) * mean
    std = t * float(np.std(seen, ddof=1)) + (1 - t) * std
    losses = []
    for row, norm, label in zip(z, norms, labels, strict=True):
        if label == UNLABELLED:
            continue
        quality = min(max(h * (norm - mean) / (std + 1e-3), -1), 1)
        logits = []
        for j, centre in enumerate(centres):
            cos = float(row @ centre) / (np.linalg.norm(row) * np.linalg.norm(centre))
            if j == label:
                theta = min(max(math.acos(cos) - m * quality, 0), math.pi)
                cos = math.cos(theta) - (m + m * quality)
            logits.append(s * cos)
        losses.append(math.log(sum(math.exp(x - max(logits)) for x in logits)) + max(logits) - logits[label])
    return sum(losses) / len(losses), mean, std


@pytest.mark.parametrize("t_alpha", [0.01, 1.0])
def test_equals_a_plain_loop_over_three_batches(t_alpha):
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(4, 6))
    head = AdaFace(6, 4, t_alpha=t_alpha)
    head.inherit(torch.tensor(centres), "trained")
    mean, std = 20.0, 100.0
    for _ in range(3):
        z = rng.normal(size=(6, 6)) * rng.uniform(0.5, 30, size=(6, 1))
        labels = [0, 1, UNLABELLED, 2, 3, 3]
        wanted, mean, std = loop(z, centres, labels, mean, std, t=t_alpha)
        loss = head(torch.tensor(z).float(), torch.tensor(labels))
        assert loss.item() == pytest.approx(wanted, rel=1e-4)
    assert head.norm_mean.item() == pytest.approx(mean, rel=1e-5)
    assert head.norm_std.item() == pytest.approx(std, rel=1e-4)


def test_evaluation_leaves_the_statistics_alone():
    head = AdaFace(6, 4).eval()
    head(torch.randn(5, 6), torch.arange(5) % 4)
    assert (head.norm_mean.item(), head.norm_std.item()) == (20.0, 100.0)


def test_one_labelled_sample_has_no_deviation():
    head = AdaFace(6, 4)
    loss = head(torch.randn(2, 6), torch.tensor([1, UNLABELLED]))
    assert loss.isfinite()
    assert (head.norm_mean.item(), head.norm_std.item()) == (20.0, 100.0)


@pytest.mark.parametrize(("norm", "quality"), [(1e6, 1.0), (0.0, -1.0)])
def test_margin_is_additive_for_poor_and_angular_for_good_images(norm, quality):
    """Quality 1: cos(θ − m) − 2m. Quality −1: cos(θ + m), which is ArcFace's."""
    head = AdaFace(6, 4).eval()
    head.norm_mean.fill_(50.0)
    head.norm_std.fill_(1.0)
    psi = head.with_margin(torch.tensor([0.3]), torch.tensor([norm]), torch.ones(1, dtype=torch.bool))
    assert psi.item() == pytest.approx(math.cos(math.acos(0.3) - 0.4 * quality) - (0.4 + 0.4 * quality), abs=1e-6)


def test_length_passes_no_gradient_but_direction_does():
    head = AdaFace(6, 4)
    z = torch.randn(3, 6, requires_grad=True)
    head(z, torch.tensor([0, 1, 2])).backward()
    assert z.grad.any()
    assert (z.grad * z).sum(1).abs().max() < 1e-4  # a loss of direction only has no slope along z
