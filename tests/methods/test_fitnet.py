"""FitNet: a regressor from one map to another."""

import numpy as np
import pytest
from maps import MAPS, STUDENT, TEACHER, answers, at_every_cell, moved

from facedistill.errors import UserError
from facedistill.methods.fitnet import FitNet


@pytest.mark.parametrize(
    ("options", "own", "wanted"), [({}, 0, 0), ({"stage": -1, "teacher_stage": 1}, 1, 1), ({"stage": 1}, 1, 0)]
)
def test_equals_a_plain_loop(options, own, wanted):
    method = FitNet(STUDENT, TEACHER, **options)
    guided = moved(at_every_cell(method.regressor, MAPS[own]), STUDENT, own, TEACHER, wanted)
    hint = MAPS[2 + wanted]
    gaps = [guided[place] - hint[place] for place in np.ndindex(hint.shape)]
    assert answers(method) == {"hint": pytest.approx(sum(gap**2 for gap in gaps) / len(gaps), rel=1e-4)}


def test_the_middle_is_the_papers():
    deep = type(STUDENT)(8, STUDENT.stages * 2)
    method = FitNet(deep, deep)
    assert (method.stage, method.teacher_stage) == (2, 2)


@pytest.mark.parametrize(("options", "whose"), [({"stage": 2}, "student"), ({"teacher_stage": -3}, "teacher")])
def test_no_such_stage(options, whose):
    with pytest.raises(UserError, match=f"{whose} has no stage"):
        FitNet(STUDENT, TEACHER, **options)
