"""Crops against plain loops, and what turning, scaling and shifting a photograph must not change."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facedistill.crop import NoFace, align_face, crop_points, five_of_68
from facedistill.data.synthetic import DrawnFaces
from facedistill.data.template import ARCFACE_TEMPLATE_PX, similarity, template_px

TURNED = np.array([[30.0, 42], [61, 33], [52, 58], [45, 75], [66, 68]])


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)


def bilinear(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """The four neighbours by their nearness; black beyond the border."""
    left, top = int(np.floor(x)), int(np.floor(y))
    total = np.zeros(3)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column]
    return total


@pytest.mark.parametrize("size_px", [112, 128, 56])
def test_a_crop_is_the_photograph_under_the_inverse_map(size_px: int) -> None:
    image = smooth(90, 100)
    turn = similarity(TURNED, template_px(size_px))
    back = np.linalg.inv(turn[:, :2])
    expected = [[bilinear(image, *(back @ ([x, y] - turn[:, 2]))) for x in range(size_px)] for y in range(size_px)]
    # OpenCV rounds positions to 1/32 px.
    np.testing.assert_allclose(align_face(image, TURNED, size_px).astype(float), expected, atol=4)


def test_points_on_the_template_leave_the_picture_as_it_is() -> None:
    image = smooth(112, 150)
    assert np.array_equal(align_face(image, ARCFACE_TEMPLATE_PX), image[:, :112])
    np.testing.assert_allclose(crop_points(ARCFACE_TEMPLATE_PX), ARCFACE_TEMPLATE_PX, atol=1e-9)


def test_beyond_the_photograph_it_is_black() -> None:
    white = np.full((60, 60, 3), 255, np.uint8)
    crop = align_face(white, ARCFACE_TEMPLATE_PX - 40)
    assert not crop[:39].any()
    assert (crop[42:90, 42:90] == 255).all()


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-3, 3), st.floats(0.05, 20), st.floats(-500, 500), st.floats(-500, 500), st.sampled_from([112, 128, 64])
)
def test_where_the_photographer_stood_does_not_matter(
    angle: float, scale: float, right: float, down: float, size_px: int
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = TURNED @ turn.T + [right, down]
    np.testing.assert_allclose(crop_points(moved, size_px), crop_points(TURNED, size_px), atol=1e-6)


def test_a_drawn_face_in_a_turned_photograph_gives_its_crop_again() -> None:
    faces = DrawnFaces(identities=1, images_per_identity=1, seed=3)
    face, points = faces.image(0), faces.landmarks_px(0).astype(float)
    turn = np.array([[1.9, -0.8, 120], [0.8, 1.9, 15]])
    photograph = cv2.warpAffine(face, turn, (400, 330), flags=cv2.INTER_CUBIC)
    moved = points @ turn[:, :2].T + turn[:, 2]
    again, before = align_face(photograph, moved).astype(int), align_face(face, points)
    seen = align_face(np.full_like(face, 255), points).min(2) == 255  # neither has anything beyond the drawing
    assert np.abs(again - before)[seen].mean() < 1.5
    np.testing.assert_allclose(crop_points(moved), crop_points(points), atol=1e-9)


@pytest.mark.parametrize(
    "points", [np.full((5, 2), 7.0), np.full((5, 2), np.nan), np.vstack([TURNED[:4], [[np.inf, 0]]])]
)
def test_points_that_are_no_face_are_refused(points: np.ndarray) -> None:
    for ask in (lambda: align_face(smooth(50, 50), points), lambda: crop_points(points)):
        with pytest.raises(NoFace, match="on one spot or are no numbers"):
            ask()


def test_five_of_68_points() -> None:
    points = np.arange(136, dtype=float).reshape(68, 2) ** 2
    five = five_of_68(points)
    np.testing.assert_array_equal(five[0], (points[36] + points[39]) / 2)
    np.testing.assert_array_equal(five[1], (points[42] + points[45]) / 2)
    np.testing.assert_array_equal(five[2:], points[[30, 48, 54]])
