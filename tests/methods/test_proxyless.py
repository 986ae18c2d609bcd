"""ProxylessKD: one margin softmax over the teacher's centres, and nothing else."""

import math

import numpy as np
import pytest
import torch

from facedistill.errors import UserError
from facedistill.method import AbstractMethod
from facedistill.methods.proxyless import ProxylessKD
from facedistill.signature import build
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.types import UNLABELLED, Batch, Features, Spec

RNG = np.random.default_rng(0)
HEAD, MEANS, Z = RNG.normal(size=(5, 8)), RNG.normal(size=(5, 8)), RNG.normal(size=(4, 8))
LABELS = [2, UNLABELLED, 0, 4]


def classifier(head=HEAD):
    return TeacherClassifier(
        5, None if head is None else torch.tensor(head).float(), lambda: torch.tensor(MEANS).float()
    )


def batch():
    return Batch(torch.tensor(LABELS), torch.arange(4), torch.zeros(4, dtype=torch.int64), torch.tensor(0.5))


def loop(centres, s, m2, m3):
    """ψ(θ) = cos(θ + m2) − m3, over the labelled samples."""
    losses = []
    for z, label in zip(Z, LABELS, strict=True):
        if label != UNLABELLED:
            cos = [float(z @ w) / (np.linalg.norm(z) * np.linalg.norm(w)) for w in centres]
            logits = [s * (math.cos(math.acos(c) + m2) - m3 if j == label else c) for j, c in enumerate(cos)]
            losses.append(math.log(sum(math.exp(x - logits[label]) for x in logits)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize(
    ("options", "centres", "numbers"),
    [
        ({}, HEAD, (64, 0.5, 0)),
        ({"centres": "finetune", "margin": "cosface"}, HEAD, (64, 0, 0.35)),
        ({"centres": "teacher_means", "margin": {"arcface": {"margin_rad": 0.3, "scale": 16}}}, MEANS, (16, 0.3, 0)),
    ],
)
def test_equals_a_plain_loop(options, centres, numbers):
    method = build("methods", AbstractMethod, {"proxyless": options}, student=Spec(8), classifier=classifier())
    z = torch.tensor(Z).float().requires_grad_()
    nobody = Features(torch.full((4, 8), torch.nan))
    terms = method(Features(z), nobody, batch())
    assert list(terms) == ["inherited"]
    assert terms["inherited"].item() == pytest.approx(loop(centres, *numbers), rel=1e-5)
    terms["inherited"].backward()
    assert z.grad.any(1).tolist() == [True, False, True, True]


def test_teacher_is_never_asked_and_nothing_but_the_student_trains():
    method = ProxylessKD(Spec(8), classifier())
    assert not method.uses | method.optional
    assert not any(parameter.requires_grad for parameter in method.parameters())


def test_teacher_without_a_classifier():
    with pytest.raises(UserError, match="teacher_means"):
        ProxylessKD(Spec(8), classifier(None))
    ProxylessKD(Spec(8), classifier(None), centres="teacher_means")
