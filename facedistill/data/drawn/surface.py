"""Coordinates on the head: a direction from its origin, unrolled onto a flat map.

The head is nearly an ellipsoid. Stretched by its ``SEMI_AXES_PX`` it becomes nearly the unit sphere, on which rays
meet it in a few steps; Lambert's azimuthal equal-area projection unrolls that sphere. Surface points (s, t), s right
and t down, are in px: near the face's centre one unit is one pixel of the aligned crop.
"""

import cv2
import numpy as np
from jaxtyping import Float, Shaped

from .chance import Number

SEMI_AXES_PX: Float[np.ndarray, "3"] = np.array([44.0, 66.0, 48.0], np.float32)
FARTHEST = np.float32(np.sqrt(3.0))
"""Half side of the map on the unrolled unit sphere: 120 degrees from the face's centre, behind the ears."""
REACH_PX: Float[np.ndarray, "2"] = FARTHEST * SEMI_AXES_PX[:2]
MAP_SHAPE = (224, 176)
"""Texels in t and s: about one a pixel either way."""
TEXELS_PER_PX: Float[np.ndarray, "2"] = (np.array(MAP_SHAPE[::-1], np.float32) - 1) / (2 * REACH_PX)

S_PX: Float[np.ndarray, " U"] = np.linspace(-REACH_PX[0], REACH_PX[0], MAP_SHAPE[1], dtype=np.float32)
T_PX: Float[np.ndarray, " V"] = np.linspace(-REACH_PX[1], REACH_PX[1], MAP_SHAPE[0], dtype=np.float32)

NO_SECOND_MAP = np.empty(0, np.float32)

Rows = list[tuple[Number, ...]]
"""Gaussians: (s, t, sigma_s, sigma_t, height) each."""


def directions(points: Float[np.ndarray, "*N 2"]) -> Float[np.ndarray, "*N 3"]:
    """Unit directions (x, y, z), in the stretched head, of surface points."""
    flat = points / SEMI_AXES_PX[:2]
    squared = np.minimum((flat**2).sum(-1, keepdims=True), 4.0)
    return np.concatenate([flat * np.sqrt(1 - squared / 4), 1 - squared / 2], -1)


def texels(points: Float[np.ndarray, "*N 2"]) -> Float[np.ndarray, "*N 2"]:
    """Surface points as (column, row) of a map."""
    return (points + REACH_PX) * TEXELS_PER_PX


def look_up(texture: Shaped[np.ndarray, "V U ..."], at: Float[np.ndarray, "H W 2"]) -> Shaped[np.ndarray, "H W ..."]:
    """What a map holds at (column, row), bilinearly; beyond its rim, the rim."""
    return cv2.remap(texture, at, NO_SECOND_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def mix(
    first: Float[np.ndarray, "H W"],
    first_rgb: Float[np.ndarray, "3"],
    second: Float[np.ndarray, "H W"],
    second_rgb: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "H W 3"]:
    """Two amounts, each of its own colour: faster than OpenCV's transform of two channels to three."""
    pairs = zip(first_rgb.tolist(), second_rgb.tolist(), strict=True)
    return cv2.merge([cv2.addWeighted(first, one, second, other, 0) for one, other in pairs])


def mirrored(half: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "M 2"]:
    """A closed outline from its left half, listed from top centre to bottom centre."""
    return np.concatenate([half, (half * [-1, 1])[::-1]])


def blobs(rows: Rows, every: int = 1) -> Float[np.ndarray, "V U"]:
    """A map that is a sum of Gaussians.

    Gaussians factor into s and t, so that the whole sum is one small matrix product.
    """
    s, t, sigma_s, sigma_t, height = np.array(rows, np.float32).T[..., None]
    across = np.exp(-0.5 * ((S_PX[::every] - s) / sigma_s) ** 2)
    along = height * np.exp(-0.5 * ((T_PX[::every] - t) / sigma_t) ** 2)
    return along.T @ across


def pair(s: Number, t: Number, sigma_s: Number, sigma_t: Number, height: Number) -> Rows:
    """Rows of a blob on either side of the face."""
    return [(-s, t, sigma_s, sigma_t, height), (s, t, sigma_s, sigma_t, height)]
