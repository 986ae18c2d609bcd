"""The teacher's saliency: running mean of feature lengths, read anywhere on the face."""

import numpy as np
import pytest
import torch

from facedistill.align.saliency import Saliency
from facedistill.types import Spec, Stage

EDGENEXT = Spec(8, (Stage(4, (28, 28)), Stage(4, (14, 14)), Stage(4, (7, 7)), Stage(4, (3, 3))), 112)


def test_mean_over_batches_rescaled():
    rng = np.random.default_rng(0)
    saliency = Saliency(EDGENEXT, 3)
    means = []
    for _ in range(3):
        stage = rng.normal(size=(5, 4, 3, 3)).astype(np.float32)
        saliency.observe(torch.tensor(stage))
        means.append(np.sqrt((stage**2).sum(1)).mean(0))
    wanted = np.mean(means, axis=0)
    wanted = (wanted - wanted.min()) / (wanted.max() - wanted.min())
    centres = torch.cartesian_prod(saliency.ys, saliency.xs).flip(1)
    assert saliency.at(centres).tolist() == pytest.approx(wanted.ravel().tolist(), abs=1e-5)


def test_linear_between_cells_and_constant_beyond():
    saliency = Saliency(EDGENEXT, 3)
    rows = torch.tensor([0.0, 4.0, 8.0])[:, None].expand(3, 3)
    saliency.observe(rows[None, None])
    # cell centres at 16, 48 and 80 of 112 px: 1, 3 and 5 of 7
    points = torch.tensor([[3.0, y] for y in (0.0, 1.0, 2.0, 3.0, 4.5, 5.0, 7.0)])
    assert saliency.at(points).tolist() == pytest.approx([0, 0, 0.25, 0.5, 0.875, 1, 1])


def test_before_the_first_batch_all_cells_are_alike():
    assert not Saliency(EDGENEXT, 3).at(torch.rand(6, 2) * 7).any()


def test_a_single_cell():
    saliency = Saliency(Spec(8, (Stage(4, (1, 1)),), 112), 0)
    saliency.observe(torch.ones(2, 4, 1, 1))
    assert saliency.at(torch.rand(6, 2) * 7).tolist() == [0] * 6


def test_saved_with_the_run():
    saliency, twin = Saliency(EDGENEXT, 3), Saliency(EDGENEXT, 3)
    saliency.observe(torch.randn(5, 4, 3, 3))
    twin.load_state_dict(saliency.state_dict())
    points = torch.rand(6, 2) * 7
    assert torch.equal(twin.at(points), saliency.at(points))
