"""MarginDistillation: a margin for each face, from its teacher."""

import math

import numpy as np
import pytest
import torch
from made_up import arrays, batch, classifier, cosine, seen

from facedistill.errors import UserError
from facedistill.heads.angle import arc_margin
from facedistill.methods.margin_distillation import MarginDistillation
from facedistill.types import UNLABELLED, Spec

CENTRES, OWN, NOISE = arrays((4, 8), (5, 8), (5, 8))
LABELS = [2, UNLABELLED, 0, 3, 0]
WANTED = np.array([CENTRES[label] + 0.8 * noise for label, noise in zip(LABELS, NOISE, strict=True)])
SCALE = 8.0


def margins(low=0.2, high=0.5):
    typical = [
        max(0, cosine(z, CENTRES[label])) if label != UNLABELLED else 0 for z, label in zip(WANTED, LABELS, strict=True)
    ]
    return [low + (high - low) * t / max(typical) for t in typical]


def loop():
    losses = []
    for z, label, margin in zip(OWN, LABELS, margins(), strict=True):
        if label == UNLABELLED:
            continue
        angles = [math.acos(cosine(z, w)) for w in CENTRES]
        assert angles[label] + margin < math.pi
        logits = [SCALE * math.cos(a + (margin if j == label else 0)) for j, a in enumerate(angles)]
        losses.append(math.log(sum(math.exp(x) for x in logits)) - logits[label])
    return sum(losses) / len(losses)


def test_equals_a_plain_loop():
    method = MarginDistillation(Spec(8), classifier(CENTRES), scale=SCALE)
    terms = method(seen(OWN), seen(WANTED), batch(LABELS))
    assert terms["margin"].item() == pytest.approx(loop(), rel=1e-5)


def test_the_most_typical_face_gets_the_largest_margin():
    method = MarginDistillation(Spec(8), classifier(CENTRES))
    found = method.margins(seen(WANTED).embedding, torch.tensor(LABELS)).tolist()
    assert found == pytest.approx(margins(), rel=1e-5)
    labelled = [m for m, label in zip(found, LABELS, strict=True) if label != UNLABELLED]
    assert max(labelled) == pytest.approx(0.5)
    assert min(labelled) > 0.2


def test_no_face_is_typical():
    method = MarginDistillation(Spec(8), classifier(CENTRES))
    backwards = seen([-CENTRES[label] for label in LABELS])
    assert method.margins(backwards.embedding, torch.tensor(LABELS)).tolist() == pytest.approx([0.2] * 5)


def test_beyond_pi_the_margin_is_a_constant():
    margin = torch.tensor([0.5, 0.5, 0.3])
    angles = torch.tensor([math.pi - 0.4, math.pi - 0.6, math.pi])
    found = arc_margin(angles.cos(), margin).tolist()
    expected = [math.cos(angles[0]) - 0.5 * math.sin(0.5), math.cos(angles[1] + 0.5), -1 - 0.3 * math.sin(0.3)]
    assert found == pytest.approx(expected, rel=1e-4)


def test_margins_out_of_order():
    with pytest.raises(UserError, match="must rise"):
        MarginDistillation(Spec(8), classifier(CENTRES), margin_min_rad=0.6)
