"""FSP: how one layer follows from another."""

import numpy as np
import pytest
from maps import MAPS, STUDENT, TEACHER, WANTED, answers, at_every_cell, moved
from torch import nn

from facedistill.errors import UserError
from facedistill.method import AbstractMethod
from facedistill.methods.fsp import FSP
from facedistill.signature import build


def flow(first, second):
    """G of two maps on one grid."""
    out = np.zeros((len(first), first.shape[1], second.shape[1]))
    for image, a, b in np.ndindex(out.shape):
        cells = np.ndindex(first.shape[2:])
        out[image, a, b] = np.mean([first[image, a, y, x] * second[image, b, y, x] for y, x in cells])
    return out


def loop(method, stages, teacher_stages):
    (first, second), (its_first, its_second) = stages, teacher_stages
    gap = method.gaps[0]
    a, b = at_every_cell(gap.first, MAPS[first]), at_every_cell(gap.second, MAPS[second])
    if first == 0:
        a = moved(a, STUDENT, first, STUDENT, second)
    else:
        b = moved(b, STUDENT, second, STUDENT, first)
    gaps = flow(a, b) - flow(MAPS[2 + its_first], MAPS[2 + its_second])
    return (gaps**2).sum() / gaps.size


@pytest.mark.parametrize(
    ("options", "stages", "teacher_stages"),
    [({}, (0, 1), (0, 1)), ({"flows": [[1, 0]], "teacher_flows": [[-2, -1]]}, (1, 0), (0, 1))],
)
def test_equals_a_plain_loop(options, stages, teacher_stages):
    method = build("methods", AbstractMethod, {"fsp": options}, student=STUDENT, teacher=TEACHER)
    assert answers(method) == {"flow": pytest.approx(loop(method, stages, teacher_stages), rel=1e-4)}


def test_flows_add_up():
    method = FSP(TEACHER, TEACHER, flows=((0, 1), (0, 0)), teacher_flows=((0, 1), (0, 0)))
    brighter = [2 * stage for stage in WANTED]
    once, again = ((3 * flow(MAPS[2], second)) ** 2 for second in (MAPS[3], MAPS[2]))
    assert answers(method, brighter)["flow"] == pytest.approx(once.mean() + again.mean(), rel=1e-4)


def test_equal_channels_need_no_bridge():
    method = FSP(TEACHER, TEACHER)
    assert answers(method, WANTED) == {"flow": 0}
    assert not list(method.parameters())
    assert isinstance(method.gaps[0].first, nn.Identity)


@pytest.mark.parametrize("options", [{"flows": ()}, {"teacher_flows": ((0, 1), (0, 1))}])
def test_flows_are_paired(options):
    with pytest.raises(UserError, match="flow by flow"):
        FSP(STUDENT, TEACHER, **options)


def test_no_such_stage():
    with pytest.raises(UserError, match="student has no stage 2"):
        FSP(STUDENT, TEACHER, flows=((1, 2),))
