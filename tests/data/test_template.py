"""The similarity transform against the general least-squares solution by SVD."""

import numpy as np

from facedistill.data.template import ARCFACE_TEMPLATE_PX, similarity, template_px


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Umeyama 1991, eq. 40-43, by singular values."""
    from_mean, to_mean = source.mean(0), target.mean(0)
    covariance = (target - to_mean).T @ (source - from_mean) / len(source)
    u, singular, vt = np.linalg.svd(covariance)
    sign = np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = u @ sign @ vt
    scale = np.trace(np.diag(singular) @ sign) / ((source - from_mean) ** 2).sum(1).mean()
    return np.column_stack([scale * turn, to_mean - scale * turn @ from_mean])


def test_similarity_equals_umeyama() -> None:
    chance = np.random.default_rng(0)
    for _ in range(20):
        source = ARCFACE_TEMPLATE_PX * chance.uniform(0.5, 2) + chance.normal(scale=4, size=(5, 2))
        np.testing.assert_allclose(similarity(source, template_px(112)), umeyama(source, template_px(112)), atol=1e-9)


def test_a_similarity_is_recovered() -> None:
    angle, scale, shift = 0.4, 1.7, np.array([3.0, -5.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = ARCFACE_TEMPLATE_PX @ turn.T + shift
    np.testing.assert_allclose(similarity(ARCFACE_TEMPLATE_PX, moved), np.column_stack([turn, shift]), atol=1e-9)


def test_the_template_grows_with_the_crop() -> None:
    np.testing.assert_allclose(template_px(224), 2 * ARCFACE_TEMPLATE_PX)
    np.testing.assert_allclose(template_px(64), ARCFACE_TEMPLATE_PX * 64 / 112)


def test_sides_divisible_by_128_have_the_fields_wider_crop() -> None:
    np.testing.assert_allclose(template_px(128), ARCFACE_TEMPLATE_PX + np.array([8, 0]))
    np.testing.assert_allclose(template_px(256), 2 * ARCFACE_TEMPLATE_PX + np.array([16, 0]))
    np.testing.assert_allclose(template_px(896), 8 * ARCFACE_TEMPLATE_PX, err_msg="112 divides it too and goes first")
