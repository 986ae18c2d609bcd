"""SP: tables of which images are answered alike."""

import numpy as np
import pytest
import torch
from made_up import arrays, batch, seen

from facedistill.errors import UserError
from facedistill.method import AbstractMethod
from facedistill.methods.similarity import SimilarityPreserving, similarities
from facedistill.signature import build
from facedistill.types import Features, Spec, Stage

STUDENT = Spec(8, (Stage(3, (4, 4)), Stage(5, (2, 2))))
TEACHER = Spec(8, (Stage(6, (3, 3)), Stage(2, (3, 3))))
MAPS = arrays((4, 3, 4, 4), (4, 5, 2, 2), (4, 6, 3, 3), (4, 2, 3, 3))


def table(stage):
    """G by loops."""
    rows = [image.flatten() for image in stage]
    products = [[sum(a * b) for b in rows] for a in rows]
    return [[value / np.sqrt(sum(other**2 for other in row)) for value in row] for row in products]


def distance(own, wanted):
    gaps = zip(np.ravel(table(own)), np.ravel(table(wanted)), strict=True)
    return sum((a - b) ** 2 for a, b in gaps) / 16


@pytest.mark.parametrize(
    ("options", "pairs"), [({}, [(1, 3)]), ({"pairs": [[0, -1]]}, [(0, 3)]), ({"pairs": None}, [(0, 2), (1, 3)])]
)
def test_equals_a_plain_loop(options, pairs):
    method = build("methods", AbstractMethod, {"similarity": options}, student=STUDENT, teacher=TEACHER)
    terms = method(seen(np.zeros((4, 8)), *MAPS[:2]), seen(np.zeros((4, 8)), *MAPS[2:]), batch(4))
    expected = sum(distance(MAPS[own], MAPS[wanted]) for own, wanted in pairs)
    assert {name: term.item() for name, term in terms.items()} == {"similarity": pytest.approx(expected, rel=1e-4)}


def test_images_seen_as_nothing_have_a_gradient():
    stage = torch.zeros(4, 5, 2, 2, requires_grad=True)
    student = Features(torch.zeros(4, 8), (torch.zeros(4, 3, 4, 4), stage))
    method = SimilarityPreserving(STUDENT, TEACHER)
    method(student, seen(np.zeros((4, 8)), *MAPS[2:]), batch(4))["similarity"].backward()
    assert stage.grad.isfinite().all()
    assert similarities(stage).tolist() == [[0] * 4] * 4


def test_no_such_stage():
    with pytest.raises(UserError, match="teacher has no stage 2"):
        SimilarityPreserving(STUDENT, TEACHER, pairs=((0, 2),))
