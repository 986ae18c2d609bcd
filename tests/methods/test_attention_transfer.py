"""AT: where both networks look."""

import numpy as np
import pytest
import torch
from made_up import batch, seen
from maps import MAPS, OWN, STUDENT, TEACHER, WANTED, answers, moved

from facedistill.errors import UserError
from facedistill.method import AbstractMethod
from facedistill.methods.attention_transfer import AttentionTransfer
from facedistill.signature import build
from facedistill.types import Features


def energy(stage, power):
    """q by loops, as a map."""
    out = np.zeros((len(stage), 1, *stage.shape[2:]))
    for image, channel, y, x in np.ndindex(stage.shape):
        out[image, 0, y, x] += abs(stage[image, channel, y, x]) ** power
    return out


def loop(own, wanted, power):
    """One pair of stages, on the coarser grid: the student's last, else the teacher's."""
    q_S, q_T = energy(MAPS[own], power), energy(MAPS[2 + wanted], power)
    if own == 1:
        q_T = moved(q_T, TEACHER, wanted, STUDENT, own)
    else:
        q_S = moved(q_S, STUDENT, own, TEACHER, wanted)
    gaps = []
    for a, b in zip(q_S, q_T, strict=True):
        gaps += list((a / np.sqrt((a**2).sum()) - b / np.sqrt((b**2).sum())).flatten())
    return sum(gap**2 for gap in gaps) / len(gaps)


@pytest.mark.parametrize(
    ("options", "pairs"),
    [({}, [(0, 0), (1, 1)]), ({"pairs": [[-1, 0]]}, [(1, 0)]), ({"pairs": [[0, 1]], "power": 1.0}, [(0, 1)])],
)
def test_equals_a_plain_loop(options, pairs):
    method = build("methods", AbstractMethod, {"attention_transfer": options}, student=STUDENT, teacher=TEACHER)
    expected = sum(loop(own, wanted, options.get("power", 2)) for own, wanted in pairs)
    assert answers(method) == {"attention": pytest.approx(expected, rel=1e-4)}


def test_how_bright_a_map_is_does_not_matter():
    method = AttentionTransfer(STUDENT, TEACHER)
    assert answers(method, [-3 * stage for stage in OWN]) == pytest.approx(answers(method))


def test_no_distance_to_itself():
    assert answers(AttentionTransfer(TEACHER, TEACHER), WANTED) == {"attention": 0}


def test_maps_without_light_have_a_gradient():
    stages = [torch.zeros(2, 3, 6, 6, requires_grad=True), torch.zeros(2, 5, 3, 3, requires_grad=True)]
    student = Features(torch.zeros(2, 8), tuple(stages))
    terms = AttentionTransfer(STUDENT, TEACHER)(student, seen(np.zeros((2, 8)), *WANTED), batch(2))
    terms["attention"].backward()
    assert all(stage.grad.isfinite().all() for stage in stages)


def test_roots_are_refused():
    with pytest.raises(UserError, match="powers of 1 or more"):
        AttentionTransfer(STUDENT, TEACHER, power=0.5)
