"""AdaDistill: centres that follow the teacher as the student allows."""

import math

import numpy as np
import pytest
import torch
from made_up import arrays, batch, classifier, cosine, seen, tensor

from facedistill import dist
from facedistill.method import AbstractMethod
from facedistill.methods.adadistill import AdaDistill
from facedistill.signature import build
from facedistill.testing._ranks import as_ranks
from facedistill.types import UNLABELLED, Spec

CENTRES, NOISE, WANTED = arrays((4, 8), (6, 8), (6, 8))
CENTRES = np.array([w / np.linalg.norm(w) for w in CENTRES])
LABELS = [2, UNLABELLED, 0, 3, 2, 2]
WANTED = np.array([WANTED[i] + 3 * CENTRES[label] for i, label in enumerate(LABELS)])
OWN = WANTED + NOISE


def moved(weighted=True):
    """Means over the faces of one person, the others as they were."""
    after = CENTRES.copy()
    for label in {*LABELS} - {UNLABELLED}:
        kept, taken = [], []
        for own, wanted, its in zip(OWN, WANTED, LABELS, strict=True):
            if its == label:
                closeness = cosine(CENTRES[label], wanted) if weighted else 1
                alpha = min(1, max(0, cosine(own, wanted) * closeness))
                kept.append(alpha)
                taken.append((1 - alpha) * wanted / np.linalg.norm(wanted))
        after[label] = np.mean(kept) * CENTRES[label] + np.mean(taken, axis=0)
    return after


def loss(centres, m_arc, m_cos, s=64):
    losses = []
    for z, label in zip(OWN, LABELS, strict=True):
        if label != UNLABELLED:
            cos = [cosine(z, w) for w in centres]
            logits = [s * (math.cos(math.acos(c) + m_arc) - m_cos if j == label else c) for j, c in enumerate(cos)]
            losses.append(math.log(sum(math.exp(x - logits[label]) for x in logits)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("alpha", ["weighted", "similarity"])
@pytest.mark.parametrize(("margin", "numbers"), [(None, (0.45, 0)), ({"cosface": {"margin": 0.35}}, (0, 0.35))])
def test_equals_a_plain_loop(alpha, margin, numbers):
    options = {"alpha": alpha, **({} if margin is None else {"margin": margin})}
    method = build("methods", AbstractMethod, {"adadistill": options}, student=Spec(8), classifier=classifier(CENTRES))
    terms = method(seen(OWN), seen(WANTED), batch(LABELS))
    expected = moved(weighted=alpha == "weighted")
    torch.testing.assert_close(method.softmax.centres, tensor(expected), atol=1e-6, rtol=1e-5)
    assert terms["margin"].item() == pytest.approx(loss(expected, *numbers), rel=1e-4)


def test_a_perfect_student_keeps_the_centres_and_a_strange_one_takes_the_face():
    for sign, expected in ((1, CENTRES[0]), (-1, WANTED[2] / np.linalg.norm(WANTED[2]))):
        method = AdaDistill(Spec(8), classifier(CENTRES), alpha="similarity")
        method(seen(sign * WANTED[2:3]), seen(WANTED[2:3]), batch([0]))
        torch.testing.assert_close(method.softmax.centres[0], tensor(expected), atol=1e-6, rtol=1e-5)


def test_nobody_is_labelled_and_nothing_moves():
    method = AdaDistill(Spec(8), classifier(CENTRES))
    before = method.softmax.centres.clone()
    assert method(seen(OWN), seen(WANTED), batch(6))["margin"].item() == 0
    assert torch.equal(method.softmax.centres, before)
    method.eval()(seen(OWN), seen(WANTED), batch(LABELS))
    assert torch.equal(method.softmax.centres, before)


def test_order_of_the_batch_does_not_matter():
    method = AdaDistill(Spec(8), classifier(CENTRES))
    method(seen(OWN[::-1].copy()), seen(WANTED[::-1].copy()), batch(LABELS[::-1]))
    torch.testing.assert_close(method.softmax.centres, tensor(moved()), atol=1e-6, rtol=1e-5)


def test_processes_agree_on_the_centres():
    methods = [AdaDistill(Spec(8), classifier(CENTRES)) for _ in range(2)]

    def half(rank):
        rows = slice(3 * dist.rank(), 3 * dist.rank() + 3)
        return methods[rank](seen(OWN[rows]), seen(WANTED[rows]), batch(LABELS[rows]))

    as_ranks(half)
    assert torch.equal(methods[0].softmax.centres, methods[1].softmax.centres)
    torch.testing.assert_close(methods[0].softmax.centres, tensor(moved()), atol=1e-6, rtol=1e-5)


def test_centres_are_no_parameters():
    assert not list(AdaDistill(Spec(8), classifier(CENTRES)).parameters())
