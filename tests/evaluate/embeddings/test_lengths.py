"""Embeddings that are far longer than the others are told of, and no others."""

import numpy as np
import pytest

from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.embeddings.lengths import odd_lengths


def of_lengths(*lengths: float) -> Embeddings:
    return Embeddings.of(np.array(lengths)[None, :, None] * np.array([0.6, 0.8]))


@pytest.mark.parametrize("lengths", [(1, 1, 1), (1, 2, 3), (0.1, 1, 1, 9.9), (0, 0, 0), (5,)])
def test_lengths_in_order_are_not_told_of(lengths: tuple[float, ...]) -> None:
    assert odd_lengths(of_lengths(*lengths)) == []


def test_answers_that_are_far_too_long_are_counted() -> None:
    (told,) = odd_lengths(of_lengths(1, 1.5, 40, 0.5, 60, 1, 1))
    assert told.startswith("2 of 7 embeddings are over 10 times as long as the median one")
