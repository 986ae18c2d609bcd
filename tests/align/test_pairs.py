"""Pairs of samples, and means over some of them."""

import itertools

import pytest
import torch

from facedistill.align.pairs import masked_mean, pairs_of
from facedistill.types import UNLABELLED, Features


def test_every_pair_once():
    labels = [0, UNLABELLED, 1, 0]
    rows = torch.eye(4)
    pairs = pairs_of(Features(rows), Features(2 * rows - 1), torch.tensor(labels))
    both = [(a, b) for a, b in itertools.combinations(labels, 2)]
    assert pairs.positive.tolist() == [UNLABELLED not in pair and pair[0] == pair[1] for pair in both]
    assert pairs.negative.tolist() == [UNLABELLED not in pair and pair[0] != pair[1] for pair in both]
    assert pairs.own.tolist() == [0] * 6


def test_mean_of_what_counts():
    values = torch.tensor([1.0, torch.inf, 3.0], requires_grad=True)
    mean = masked_mean(values, torch.tensor([True, False, True]))
    mean.backward()
    assert mean.item() == 2
    assert values.grad.tolist() == [0.5, 0, 0.5]
    assert masked_mean(values, torch.zeros(3, dtype=torch.bool)).item() == pytest.approx(0)
