"""Cells of different networks on one face."""

import pytest
import torch

from facedistill.align.frame import axis_centres, cell_centres, check_stage, square_grid
from facedistill.errors import UserError
from facedistill.types import Spec, Stage


def spec(size_px, *sides):
    return Spec(8, tuple(Stage(4, (side, side)) for side in sides), size_px)


@pytest.mark.parametrize(
    ("network", "first_px", "last_px"),
    [
        (spec(112, 14, 14), 4, 108),  # ViT, patch 8
        (spec(112, 12), 4.5, 103.5),  # insightface's ViT: 12 patches of 9 cover 108 of 112 px
        (spec(112, 28, 14, 7, 3), 16, 80),  # EdgeNeXt: stride 32 covers 96 px
        (spec(112, 56, 28, 14, 7), 8, 104),  # Swin, IResNet, MobileFaceNet
        (spec(64, 32, 16, 8, 4), 8 * 112 / 64, 56 * 112 / 64),  # MobileFaceNet at 64 px, on the 112 px crop
        (spec(112, 56, 28, 14, 7, 4), 8, 104),  # rounded up: 4 cells of 32 px, centred
    ],
)
def test_outermost_cells_in_pixels_of_the_crop(network, first_px, last_px):
    centres_px = axis_centres(network, len(network.stages) - 1, 0) * 112 / 7
    assert centres_px[[0, -1]].tolist() == pytest.approx([first_px, last_px])
    steps = centres_px.diff()
    assert torch.allclose(steps, steps[:1].expand_as(steps))


def test_earlier_stages_have_their_own_stride():
    assert torch.allclose(axis_centres(spec(112, 28, 14, 7, 3), 1, 0), (torch.arange(14) + 0.5) / 2)


def test_cells_are_in_the_order_of_flatten():
    network = Spec(8, (Stage(2, (2, 3)),), 6)  # 3 x 2 px a cell, and rows of 2 px columns
    y, x = torch.meshgrid(axis_centres(network, 0, 0), axis_centres(network, 0, 1), indexing="ij")
    map_B2HW = torch.stack([x, y])[None]
    assert torch.equal(cell_centres(network, 0), map_B2HW.flatten(2)[0].T)


def test_seven_by_seven_is_the_unit():
    assert torch.allclose(square_grid(49), cell_centres(spec(112, 7), 0))
    assert square_grid(49)[10].tolist() == [3.5, 1.5]
    assert square_grid(4).tolist() == [[1.75, 1.75], [5.25, 1.75], [1.75, 5.25], [5.25, 5.25]]


def test_no_square():
    with pytest.raises(UserError, match="48 local centres"):
        square_grid(48)


@pytest.mark.parametrize("stage", [-4, 3])
def test_no_such_stage(stage):
    with pytest.raises(UserError, match=f"teacher has no stage {stage}; it has 3"):
        check_stage(spec(112, 28, 14, 7), stage, "teacher")


def test_stages_count_from_either_end():
    assert [check_stage(spec(112, 28, 14, 7), stage, "student") for stage in (-1, -3, 1)] == [2, 0, 1]
