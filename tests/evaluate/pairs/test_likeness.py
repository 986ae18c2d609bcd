"""Cosines and squared distances of listed pairs against sums told one by one."""

import numpy as np
import pytest

from facedistill.data.pairs import Pairs
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.pairs.likeness import likeness

EVEN = np.arange(0, 600, 2)
TURNED = np.random.default_rng(0).permutation(600)[:300]


def units(seed, width=24):
    return Embeddings.of(np.random.default_rng(seed).standard_normal((2, 600, width)).astype(np.float32)).unit


@pytest.mark.parametrize("first", [EVEN, EVEN[::-1].copy(), TURNED, EVEN[:1]], ids=["even", "down", "turned", "one"])
@pytest.mark.parametrize("second", [EVEN + 1, TURNED], ids=["even", "turned"])
def test_each_pair_is_its_own_sum(first, second):
    query, gallery = units(1), units(2)
    second = second[: len(first)]
    found = likeness(query, gallery, Pairs(first, second, np.ones(len(first), bool)))
    for i, j, cosine, distance in zip(first, second, found.cosines, found.distances, strict=True):
        assert cosine == pytest.approx(float(np.dot(query[i], gallery[j])), abs=1e-14)
        assert distance == pytest.approx(sum((query[i] - gallery[j]) ** 2), abs=1e-14)


def test_the_same_image_is_no_way_apart_and_nothing_is_one_away():
    unit = units(3)
    unit[:10] = 0
    unit[20:30] = unit[30:40]
    first, second = np.array([*range(10), *range(20, 30), 0]), np.array([*range(40, 50), *range(30, 40), 1])
    found = likeness(unit, unit, Pairs(first, second, np.ones(21, bool)))
    np.testing.assert_allclose(found.distances[:10], 1, atol=1e-14)
    assert found.distances[10:].tolist() == [0] * 11


def test_images_almost_alike_keep_their_digits():
    unit = units(4)
    unit[1::2] = unit[::2]
    unit[1::2, 0] += 1e-9
    found = likeness(unit, unit, Pairs(EVEN, EVEN + 1, np.ones(300, bool)))
    np.testing.assert_allclose(found.distances, 1e-18, rtol=1e-5)
