"""The head's shape: how far the surface lies from the head's origin in every direction."""

import cv2
import numpy as np
from jaxtyping import Float

from .person import Person
from .places import EYE_T
from .scene import Expression
from .surface import MAP_SHAPE, S_PX, SEMI_AXES_PX, T_PX, Rows, blobs, directions, pair, texels

EVERY = 2
"""Shapes are smoother than paint: their map holds every other texel."""
X_SQUARED, Y, Z_SQUARED = (
    np.ascontiguousarray(axis) ** power
    for axis, power in zip(
        np.moveaxis(directions(np.stack(np.meshgrid(S_PX[::EVERY], T_PX[::EVERY]), -1)), -1, 0), (2, 1, 2), strict=True
    )
)
MIDDLE = MAP_SHAPE[0] // 2 // EVERY
HALVES = (slice(None, MIDDLE), slice(MIDDLE, None))
"""Rows above and below the head's origin."""
Y_SQUARED, BELOW_SQUARED = Y**2, np.maximum(Y, 0) ** 2


def radius_map(person: Person, expression: Expression, hair: Float[np.ndarray, "R U"]) -> Float[np.ndarray, "v u"]:
    """Radii in the stretched head, about 1: a tapering egg, anatomy on it, and the hair (share of its volume)."""
    bumps_px = blobs(_skull(person) + _nose(person) + _mouth(person, expression) + _cheeks(person, expression), EVERY)
    thick = cv2.blur(hair[::EVERY, ::EVERY], (5, 5))
    top = bumps_px[: len(thick)]
    cv2.scaleAdd(thick, person.hair_volume, top, dst=top)
    return cv2.scaleAdd(bumps_px, float(1 / SEMI_AXES_PX[2]), _egg(person, expression.mouth_open))


def points_on(radius: Float[np.ndarray, "v u"], points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 3"]:
    """Head-frame points (px) of surface points, between texels bilinearly."""
    at = texels(points) / EVERY
    column, row = (corner := np.floor(at).astype(int)).T
    right, down = (at - corner).T
    top = radius[row, column] * (1 - right) + radius[row, column + 1] * right
    bottom = radius[row + 1, column] * (1 - right) + radius[row + 1, column + 1] * right
    return directions(points) * (top * (1 - down) + bottom * down)[:, None] * SEMI_AXES_PX


def _egg(person: Person, mouth_open: float) -> np.ndarray:
    """An ellipsoid with another height above than below, narrowing towards the jaw."""
    width, height, depth = SEMI_AXES_PX
    below, above = height / (person.chin_drop + 4 * mouth_open), height / person.crown_height
    narrow = 1 - person.jaw_taper * BELOW_SQUARED
    narrow *= narrow
    inverse = X_SQUARED * (width / person.head_width) ** 2
    inverse /= narrow
    for half, stretch in zip(HALVES, (above, below), strict=True):
        cv2.scaleAdd(Y_SQUARED[half], stretch**2, inverse[half], dst=inverse[half])
    cv2.scaleAdd(Z_SQUARED, float(depth / person.depth) ** 2, inverse, dst=inverse)
    return np.divide(1, np.sqrt(inverse, out=inverse), out=inverse)


def _skull(p: Person) -> Rows:
    return [
        (0, EYE_T - 22, 20, 9, p.forehead_out),
        *pair(13, EYE_T - 8.5, 10, 3.5, p.brow_ridge),
        *pair(p.eye_apart, EYE_T, 7.5, 5.0, -p.eye_depth),
        *pair(p.eye_apart, EYE_T, 4.6, 3.4, 0.6 * p.eye_depth),
        *pair(43, EYE_T - 4, 8, 14, -1.8),
        *pair(66, EYE_T + 12, 3.2, 9, p.ear_out),
        (0, p.mouth_drop + 20, p.chin_width, 6, p.chin_out),
        (0, p.mouth_drop + 9, 10, 2.8, -1.6),
        *pair(36, p.mouth_drop + 3, 9, 9, p.jaw_corner),
    ]


def _nose(p: Person) -> Rows:
    tip = p.nose_drop
    return [
        (0, EYE_T - 1, p.bridge_width, 6, p.bridge_out),
        (0, EYE_T + 9, p.bridge_width, 5, 0.45 * p.bridge_out + 0.3 * p.nose_out + p.nose_hook),
        (0, tip, 4.2, 4.2, p.nose_out),
        *pair(p.nose_width, tip + 2.2, 2.6, 2.6, 0.42 * p.nose_out),
        (0, tip + 8.5, 7, 2.6, -1.8),
    ]


def _mouth(p: Person, e: Expression) -> Rows:
    mouth = p.mouth_drop
    return [
        (0, mouth, 13, 8, 2.4),
        (0, mouth - 0.6 * p.upper_lip, 8, 1.8, 0.35 * p.upper_lip),
        (0, mouth + 0.6 * p.lower_lip + 5 * e.mouth_open, 7.5, 2, 0.4 * p.lower_lip),
        (0, mouth + 2.5 * e.mouth_open, 7, 1 + 2 * e.mouth_open, -2.5 * e.mouth_open),
    ]


def _cheeks(p: Person, e: Expression) -> Rows:
    lift = max(e.smile, 0)
    return [
        *pair(28, p.cheekbone_height, 9, 7, p.cheekbone_out),
        *pair(25, p.mouth_drop - 8, 9, 9, p.cheek_full),
        *pair(22, p.nose_drop + 5 - 2 * lift, 6, 5, 1.8 * lift),
        *pair(p.mouth_width + 6, p.mouth_drop - 4, 2.2, 7, -1.1 * lift),
    ]
