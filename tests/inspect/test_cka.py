"""CKA against plain loops, and the invariances that define it."""

import numpy as np
import pytest
import torch
from torch import Tensor

from facedistill.inspect.cka import CKA, gram, hsic


def plain_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, from matrices as written there."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    for i in range(n):
        k[i, i] = m[i, i] = 0
    one = np.ones(n)
    trace = sum(k[i, j] * m[j, i] for i in range(n) for j in range(n))
    second = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return float((trace + second - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3)))


def cka(*batches: tuple[Tensor, Tensor]) -> Tensor:
    measure = CKA(2)
    for pair in batches:
        measure.add(pair)
    return measure.matrix()


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_equals_plain_loops_over_two_batches() -> None:
    batches = [(draw(6, 5, seed=s) + 3, draw(6, 4, seed=s + 10) + draw(6, 5, seed=s)[:, :4]) for s in range(2)]
    pairs = [(x.double().numpy(), y.double().numpy()) for x, y in batches]
    across = sum(plain_hsic(x, y) for x, y in pairs)
    own = sum(plain_hsic(x, x) for x, _ in pairs), sum(plain_hsic(y, y) for _, y in pairs)
    assert float(cka(*batches)[0, 1]) == pytest.approx(across / np.sqrt(own[0] * own[1]), rel=1e-9)


def test_same_features_are_one_under_rotation_scale_and_shift() -> None:
    x = draw(12, 6)
    turned, _ = torch.linalg.qr(draw(6, 6, seed=1))
    torch.testing.assert_close(cka((x, 3 * x @ turned + 5)), torch.ones(2, 2, dtype=torch.float64), atol=1e-5, rtol=0)


def test_another_linear_map_is_not_the_same() -> None:
    x = draw(32, 6)
    assert cka((x, x * torch.tensor([9.0, 1, 1, 1, 1, 1])))[0, 1] < 0.9


def test_unrelated_features_are_zero_on_average() -> None:
    """The biased estimate would be far above: few samples in many dimensions."""
    batches = [(draw(16, 64, seed=s), draw(16, 64, seed=s + 100)) for s in range(40)]
    assert abs(float(cka(*batches)[0, 1])) < 0.03


def test_what_says_nothing_is_zero() -> None:
    assert cka((draw(8, 3), torch.ones(8, 3)))[0].tolist() == pytest.approx([1, 0])


def test_maps_count_as_rows() -> None:
    maps = draw(5, 2, 3, 3)
    torch.testing.assert_close(gram(maps), gram(maps.flatten(1)))


def test_three_samples_are_too_few() -> None:
    with pytest.raises(ValueError, match="needs 4 samples"):
        hsic(torch.zeros(3, 3).double(), torch.zeros(3, 3).double())
