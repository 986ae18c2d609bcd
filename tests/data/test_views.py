"""Views against OpenCV's own functions and plain arithmetic."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facedistill.data.chance import Purpose, chance, draws
from facedistill.data.views import Views, view
from facedistill.errors import UserError

RICH = Views(contrast=0.2, gamma=0.2, saturation=0.3, colour=0.1, occlusion=0.5, blur=0.5, low_resolution=0.5, jpeg=0.5)


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def only(**strengths) -> Views:
    return replace(Views.none(), **strengths)


def test_a_view_depends_on_seed_sample_and_number_alone(crop):
    first = view(crop, RICH, seed=1, index=5, number=2)
    for seed, index, number in [(2, 5, 2), (1, 6, 2), (1, 5, 3)]:
        assert not np.array_equal(first, view(crop, RICH, seed=seed, index=index, number=number))
    assert np.array_equal(first, view(crop, RICH, seed=1, index=5, number=2))


def test_the_crop_itself_is_never_written_to(crop):
    before = crop.copy()
    for number in range(20):
        shown = view(crop, RICH, seed=0, index=0, number=number)
        assert shown.shape == crop.shape
        assert shown.dtype == np.uint8
    assert np.array_equal(crop, before)


def test_without_strength_every_view_is_the_crop(crop):
    for number in range(20):
        assert np.array_equal(view(crop, Views.none(), seed=0, index=3, number=number), crop)


def test_mirror_only_shows_the_crop_or_its_flip_half_and_half(crop):
    shown = [view(crop, Views.mirror_only(), seed=0, index=index, number=0) for index in range(1000)]
    flipped = [np.array_equal(image, crop[:, ::-1]) for image in shown]
    assert all(flip or np.array_equal(image, crop) for flip, image in zip(flipped, shown, strict=True))
    assert abs(sum(flipped) - 500) < 4 * np.sqrt(250)  # four standard deviations of a binomial


def test_the_first_draw_decides_the_mirror(crop):
    for index in range(20):
        draw = np.random.Generator(np.random.Philox(key=[7, index], counter=[0, 0, 0, 3])).random()
        expected = cv2.flip(crop, 1) if draw < 0.5 else crop
        assert np.array_equal(view(crop, Views.mirror_only(), seed=7, index=index, number=3), expected)


def test_numbers_are_looked_up_as_a_new_generator_draws_them():
    for seed, index, number in [(0, 0, 0), (7, 2**40, 3), (2**63, 5, 2**32), (0, 0, 0)]:
        expected = chance(Purpose.VIEW, seed, index, number).random(25)
        assert np.array_equal(draws(25, Purpose.VIEW, seed, index, number), expected)
        draws(3, Purpose.MIX, 1)  # others have moved the shared generator


def test_turn_size_and_shift_are_one_warp(crop):
    for index in range(10):
        drawn = chance(Purpose.VIEW, 4, index, 0).random(5)
        turn, right, down = 2 * drawn[1:4] - 1
        matrix = cv2.getRotationMatrix2D((55.5, 55.5), 8 * turn, 0.85 + 0.25 * drawn[4])
        matrix[:, 2] += np.array([6 * right, 6 * down])
        expected = cv2.warpAffine(crop, matrix, (112, 112), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        shown = view(crop, only(rotate_deg=8.0, shift_px=6.0, scale=(0.85, 1.1)), seed=4, index=index, number=0)
        assert np.array_equal(shown, expected)


def test_one_effect_leaves_the_draws_of_the_others_alone(crop):
    for index in range(10):
        plain = view(crop, only(brightness=0.3), seed=0, index=index, number=0)
        mirrored = view(crop, only(brightness=0.3, mirror=1.0), seed=0, index=index, number=0)
        assert np.array_equal(mirrored, plain[:, ::-1])


def test_shift_moves_content_by_at_most_its_strength():
    dot = np.zeros((112, 112, 3), dtype=np.uint8)
    dot[55:58, 55:58] = 255
    offsets = [_centroid(view(dot, only(shift_px=6.0), seed=0, index=i, number=0)) - 56 for i in range(300)]
    assert np.abs(offsets).max() <= 6.05
    assert np.abs(offsets).max(axis=0).min() > 5.5
    assert np.abs(np.mean(offsets, axis=0)).max() < 4 * (6 / np.sqrt(3)) / np.sqrt(300)


def test_lengths_grow_with_the_crop():
    dot = np.zeros((224, 224, 3), dtype=np.uint8)
    dot[110:114, 110:114] = 255
    offsets = [_centroid(view(dot, only(shift_px=6.0), seed=0, index=i, number=0)) - 111.5 for i in range(200)]
    assert 11 < np.abs(offsets).max() <= 12.05


@pytest.mark.parametrize(("scale", "expected"), [((0.8, 0.8), 0.8), ((1.25, 1.25), 1.25)])
def test_scale_is_the_factor_on_lengths(scale, expected):
    bar = np.zeros((112, 112, 3), dtype=np.uint8)
    bar[46:66, 46:66] = 255
    shown = view(bar, only(scale=scale), seed=0, index=0, number=0)
    assert shown.sum() / bar.sum() == pytest.approx(expected**2, rel=0.02)


def test_rotation_stays_within_its_degrees():
    bar = np.zeros((112, 112, 3), dtype=np.uint8)
    bar[53:59, 16:96] = 255
    angles = [_angle_deg(view(bar, only(rotate_deg=8.0), seed=0, index=i, number=0)) for i in range(200)]
    assert 7 < max(angles) < 8.2
    assert -8.2 < min(angles) < -7


def test_brightness_is_one_gain_for_the_image(crop):
    dim = crop // 2
    for index in range(10):
        shown = view(dim, only(brightness=0.3), seed=0, index=index, number=0).astype(float)
        gain = shown.sum() / dim.sum()
        assert 0.7 <= gain <= 1.3
        np.testing.assert_allclose(shown, gain * dim, atol=1.0)


def test_contrast_keeps_mid_grey_and_gamma_keeps_both_ends():
    greys = np.repeat(np.array([0, 127, 128, 255], np.uint8), 3 * 28).reshape(4, 28, 3)
    for index in range(10):
        contrast = view(greys, only(contrast=0.3), seed=0, index=index, number=0)[:, 0, 0]
        assert abs(int(contrast[1]) - 127) <= 1
        gamma = view(greys, only(gamma=0.3), seed=0, index=index, number=0)[:, 0, 0]
        assert gamma[0] == 0
        assert gamma[3] == 255


def test_grey_has_no_colour_whatever_else_is_on(crop):
    shown = view(crop, only(grey=1.0, colour=0.2, saturation=0.3), seed=0, index=1, number=0)
    assert np.array_equal(shown[..., 0], shown[..., 1])
    assert np.array_equal(shown[..., 0], shown[..., 2])
    luma = crop @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(view(crop, only(grey=1.0), seed=0, index=1, number=0)[..., 0], luma, atol=1)


def test_saturation_keeps_luma(crop):
    for index in range(5):
        shown = view(crop, only(saturation=0.4), seed=0, index=index, number=0)
        np.testing.assert_allclose(shown @ [0.299, 0.587, 0.114], crop @ [0.299, 0.587, 0.114], atol=1.5)


def test_occlusion_covers_its_share_with_one_level(crop):
    for index in range(20):
        shown = view(crop, only(occlusion=1.0, occlusion_share=(0.1, 0.1)), seed=0, index=index, number=0)
        changed = (shown != crop).any(axis=-1)
        assert changed.mean() == pytest.approx(0.1, abs=0.01)
        assert len(np.unique(shown[changed])) == 1


def test_blur_is_opencvs_gaussian(crop):
    shown = view(crop, only(blur=1.0, blur_sigma_px=(1.2, 1.2)), seed=0, index=0, number=0)
    assert np.array_equal(shown, cv2.GaussianBlur(crop, (0, 0), 1.2))


def test_low_resolution_removes_what_a_small_crop_cannot_hold():
    stripes = np.zeros((112, 112, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    shown = view(stripes, only(low_resolution=1.0, low_resolution_px=(28.0, 28.0)), seed=0, index=0, number=0)
    np.testing.assert_allclose(shown, 128, atol=1)


def test_jpeg_is_a_decoded_file_of_that_quality(crop):
    bgr = np.ascontiguousarray(crop[..., ::-1])
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    shown = view(crop, only(jpeg=1.0, jpeg_quality=(40.0, 40.0)), seed=0, index=0, number=0)
    assert np.array_equal(shown[..., ::-1], cv2.imdecode(data, cv2.IMREAD_COLOR))


@pytest.mark.parametrize("name", ["grey", "occlusion", "blur", "low_resolution", "jpeg"])
def test_a_chance_is_the_share_of_views_it_changes(crop, name):
    changed = [not np.array_equal(view(crop, only(**{name: 0.3}), seed=0, index=i, number=0), crop) for i in range(500)]
    assert abs(sum(changed) - 150) < 4 * np.sqrt(500 * 0.3 * 0.7)


@pytest.mark.parametrize(
    "wrong", [{"mirror": 1.5}, {"rotate_deg": -1.0}, {"scale": (1.1, 0.9)}, {"blur": -0.1}, {"shift_px": float("nan")}]
)
def test_impossible_strengths_are_refused_by_name(wrong):
    with pytest.raises(UserError, match=f"views.{next(iter(wrong))} is "):
        Views(**wrong)


def test_streams_of_different_purposes_differ():
    streams = [chance(purpose, 0).random(4).tolist() for purpose in Purpose]
    assert len({tuple(stream) for stream in streams}) == len(Purpose)


def _centroid(image: np.ndarray) -> np.ndarray:
    """x, y of the mean of the light."""
    weights = image[..., 0].astype(float)
    rows, columns = np.indices(weights.shape)
    return np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()


def _angle_deg(image: np.ndarray) -> float:
    """Direction of the longest axis."""
    rows, columns = np.nonzero(image[..., 0] > 127)
    slope = np.polyfit(columns, rows, 1)[0]
    return float(np.degrees(np.arctan(slope)))
