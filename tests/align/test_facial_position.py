"""Facial positional encoding against plain loops and the known spans of its distances."""

import math

import pytest
import torch

from facedistill.align.facial_position import FacialPosition, PiecewiseIndex, anchor, landmarks, relative_distance
from facedistill.align.frame import square_grid
from facedistill.errors import UserError
from facedistill.types import Spec, Stage

TEACHER = Spec(8, (Stage(4, (7, 7)),), 112)
# The published ArcFace template, in px of the 112 px crop; 16 px make a cell of the 7x7 map.
LANDMARKS = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
CELLS = [(column + 0.5, row + 0.5) for row in range(7) for column in range(7)]
NOSE_CELL = (3.5, 4.5)


def loop_index(x, alpha, beta, gamma_p):
    if abs(x) <= alpha:
        return round(x)
    return int(min(beta, round(alpha + math.log(x / alpha) / math.log(gamma_p / alpha) * (beta - alpha))))


def loop_relative(point):
    gaps = [(math.dist(point, mark) - math.dist(NOSE_CELL, mark)) / 7 for mark in in_cells()]
    return 7 * math.sqrt(sum(gap * gap for gap in gaps)) / math.sqrt(5)


def in_cells():
    return [(x / 16, y / 16) for x, y in LANDMARKS]


@pytest.mark.parametrize("constants", [(2, 6, 8), (1.9, 3.8, 15.2), (1, 9, 20)])
def test_piecewise_index(constants):
    alpha, beta, gamma_p = constants
    distances = [0.0, 0.49, 0.5, 1.5, 1.51, 1.89, 1.91, 2.0, 2.01, 2.5, 3.3, 4.0, 5.0, 7.9, 9.0, 100.0]
    wanted = [loop_index(x, *constants) for x in distances]
    index = PiecewiseIndex(alpha=float(alpha), beta=float(beta), gamma_p=float(gamma_p))
    got = index(torch.tensor(distances)).tolist()
    assert got == [min(x, int(beta)) for x in wanted]


@pytest.mark.parametrize(("constants", "buckets"), [((1.9, 3.8, 15.2), 4), ((2.0, 6.0, 8.0), 6)])
def test_how_many_buckets_a_face_map_uses(constants, buckets):
    """iRPE's defaults collapse a 7x7 map to 4 buckets by its Euclidean distances, ours to 6."""
    distance = FacialPosition(8, TEACHER, 0, "euclid", gamma=1.0, index=PiecewiseIndex(*constants)).distance
    assert len(set(PiecewiseIndex(*constants)(distance(square_grid(49))).tolist())) == buckets


def test_relative_distance_spans_four_cells():
    distance = relative_distance(square_grid(49), anchor())
    assert distance.tolist() == pytest.approx([loop_relative(cell) for cell in CELLS], abs=1e-5)
    assert distance.min().item() == pytest.approx(0, abs=1e-5)
    assert distance.max().item() == pytest.approx(4, abs=0.01)


def test_anchor_is_the_cell_of_the_nose():
    assert anchor().tolist() == [list(NOSE_CELL)]
    assert torch.allclose(landmarks(), torch.tensor(in_cells()))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_code_of_every_cell(gamma):
    index = PiecewiseIndex(2.0, 6.0, 8.0)
    code = FacialPosition(5, TEACHER, 0, "relative", gamma=gamma, index=index)
    for cell, row in zip(CELLS, code(square_grid(49)), strict=True):
        distance = math.dist(cell, NOSE_CELL) + gamma * loop_relative(cell)
        assert torch.equal(row, code.table[loop_index(distance, 2, 6, 8)])
    assert code.table.shape == (7, 5)


def test_saliency_takes_part_once_it_is_known():
    code = FacialPosition(5, TEACHER, 0, "saliency", gamma=0.5, index=PiecewiseIndex(2.0, 6.0, 8.0))
    euclid = torch.tensor([math.dist(cell, NOSE_CELL) for cell in CELLS])
    assert torch.allclose(code.distance(square_grid(49)), euclid)
    lengths = torch.arange(49.0).view(1, 1, 7, 7)
    code.observe(lengths)
    at_nose = 4 * 7 + 3
    wanted = [d + 0.5 * 7 * abs(i - at_nose) / 48 for i, d in enumerate(euclid.tolist())]
    assert code.distance(square_grid(49)).tolist() == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("constants", [(0.0, 6.0, 8.0), (8.0, 9.0, 8.0), (2.0, 1.0, 8.0)])
def test_impossible_constants(constants):
    with pytest.raises(UserError, match="alpha"):
        PiecewiseIndex(*constants)
