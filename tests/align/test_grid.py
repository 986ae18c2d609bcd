"""Feature maps on other grids."""

import pytest
import torch
import torch.nn.functional as F

from facedistill.align.frame import cell_centres
from facedistill.align.grid import Meet, Regrid, coarser, stage_pairs
from facedistill.align.project import channel_bridge
from facedistill.errors import UserError
from facedistill.types import Spec, Stage


def spec(*sides, size_px=112):
    return Spec(8, tuple(Stage(3, (side, side)) for side in sides), size_px)


FINE, COARSE, DROPPED, PATCHES = spec(14), spec(14, 7), spec(28, 14, 7, 3), spec(12, size_px=108)


def test_equal_grids_are_left_alone():
    stage = torch.randn(2, 3, 7, 7)
    torch.testing.assert_close(Regrid(COARSE, -1, DROPPED, 2)(stage), stage)


@pytest.mark.parametrize(("source", "target"), [(COARSE, FINE), (FINE, COARSE), (DROPPED, PATCHES), (FINE, DROPPED)])
def test_places_on_the_face_stay_where_they_are(source, target):
    """A map that holds the position of its cells holds, on another grid, the positions of those - where it has
    cells on either side."""
    last = len(source.stages) - 1
    height, width = source.stages[last].grid
    here = cell_centres(source, last).T.reshape(1, 2, height, width)
    there = cell_centres(target, len(target.stages) - 1)
    moved = Regrid(source, -1, target, -1)(here)[0].flatten(1).T
    low, high = here.min() + 0.5, here.max() - 0.5
    inside = ((there > low) & (there < high)).all(1)
    assert inside.any()
    torch.testing.assert_close(moved[inside], there[inside], atol=0.05, rtol=0)


def test_a_coarse_cell_is_the_mean_of_those_it_covers():
    stage = torch.randn(2, 3, 28, 28)
    mean = Regrid(DROPPED, 0, COARSE, 1)(stage)
    torch.testing.assert_close(mean, stage.unflatten(3, (7, 4)).mean(4).unflatten(2, (7, 4)).mean(3))


def test_one_cell_speaks_for_all():
    single = Spec(8, (Stage(3, (1, 1)),))
    stage = torch.randn(2, 3, 1, 1)
    assert torch.equal(Regrid(single, 0, FINE, 0)(stage), stage.expand(2, 3, 14, 14))
    assert Regrid(FINE, 0, single, 0)(torch.ones(2, 3, 14, 14)).flatten().tolist() == pytest.approx([1] * 6)


def test_no_such_stage():
    with pytest.raises(UserError, match="no stage 2"):
        Regrid(FINE, 0, COARSE, 2)


def test_stages_are_paired_from_the_coarsest():
    assert stage_pairs(DROPPED, COARSE, None) == [(2, 0), (3, 1)]
    assert stage_pairs(DROPPED, COARSE, ((-1, 0), (1, -1))) == [(3, 0), (1, 1)]
    with pytest.raises(UserError, match="teacher has no stage 2"):
        stage_pairs(DROPPED, COARSE, ((-1, 2),))
    for pairs in (None, ()):
        with pytest.raises(UserError, match="no stages to compare"):
            stage_pairs(DROPPED, Spec(8), pairs)


def test_coarser():
    assert coarser(COARSE, 1, FINE, 0)
    assert not coarser(FINE, 0, COARSE, 1)
    assert not coarser(FINE, 0, COARSE, 0)


def test_channel_bridge_is_one_linear_map_at_every_cell():
    stage = torch.randn(2, 3, 4, 5)
    assert channel_bridge(3, 3)(stage) is stage
    wide = channel_bridge(3, 6)
    weight = wide.weight.detach()[:, :, 0, 0]
    torch.testing.assert_close(weight.T @ weight, torch.eye(3))
    torch.testing.assert_close(wide(stage)[1, :, 2, 3], weight @ stage[1, :, 2, 3])


@pytest.mark.parametrize(("first", "second", "grid"), [((4, 4), (2, 2), (2, 2)), ((2, 2), (4, 4), (2, 2))])
def test_two_stages_meet_on_the_coarser_grid(first, second, grid):
    specs = [Spec(8, (Stage(3, cells),)) for cells in (first, second)]
    meet = Meet(specs[0], -1, specs[1], -1)
    one, two = torch.randn(2, 3, *first), torch.randn(2, 3, *second)
    found = meet(one, two)
    assert meet.grid == grid
    for before, after in zip((one, two), found, strict=True):
        torch.testing.assert_close(after, before if before.shape == after.shape else F.avg_pool2d(before, 2))
