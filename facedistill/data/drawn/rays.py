"""Which point of the head every pixel sees: parallel rays against a star-shaped surface."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from .scene import Pose
from .surface import REACH_PX, SEMI_AXES_PX, TEXELS_PER_PX, look_up

COARSE_STEPS, FINE_STEPS = (1.0, 1.0, 0.6, 0.6), (0.8, 0.8)
"""Share of each fixed-point step that is taken, on every other pixel and then on all: at rims whole steps oscillate."""
DOUBLE = np.array([[2, 0, 0], [0, 2, 0]], np.float32)
TEXELS_PER_UNIT, CENTRE_TEXEL = SEMI_AXES_PX[:2] * TEXELS_PER_PX, REACH_PX * TEXELS_PER_PX
OUTSIDE = 1.5
"""A radius in the stretched head that nothing reaches: where the rays start."""


@dataclass(frozen=True)
class Hits:
    """What the pixels of a crop see."""

    texels: Float[np.ndarray, "H W 2"]
    """Where on the map, (column, row)."""
    depth: Float[np.ndarray, "H W"]
    """Towards the viewer, in px of the crop."""
    coverage: Float[np.ndarray, "H W"]
    """Share of the pixel that the head covers."""


@dataclass(frozen=True)
class _Rays:
    """In the stretched head: foot + z ray, foot at right angles to the ray."""

    foot: tuple[Float[np.ndarray, "H W"], ...]
    """x, y, z."""
    ray: tuple[np.float32, ...]
    """x, y, z of unit length."""
    foot_squared: Float[np.ndarray, "H W"]
    start: Float[np.ndarray, "H W"]
    """z of the camera's plane."""
    px_per_unit: float
    """Camera px along the ray for one unit of z."""


def rotation(pose: Pose) -> Float[np.ndarray, "3 3"]:
    """From the head frame to the camera's: pitch, then yaw, then roll."""
    (cos_y, sin_y), (cos_p, sin_p), (cos_r, sin_r) = (
        (np.cos(angle), np.sin(angle)) for angle in (pose.yaw_rad, pose.pitch_rad, pose.roll_rad)
    )
    yaw = np.array([[cos_y, 0, sin_y], [0, 1, 0], [-sin_y, 0, cos_y]])
    pitch = np.array([[1, 0, 0], [0, cos_p, sin_p], [0, -sin_p, cos_p]])
    roll = np.array([[cos_r, -sin_r, 0], [sin_r, cos_r, 0], [0, 0, 1]])
    return roll @ yaw @ pitch


def cast(
    radius: Float[np.ndarray, "V U"],
    turn: Float[np.ndarray, "3 3"],
    to_crop: Float[np.ndarray, "2 3"],
    size_px: int,
) -> Hits:
    """Where the rays through a crop's pixels meet the head; ``to_crop`` is the similarity from the camera's plane.

    A fixed point: z = sqrt(radius(direction)² - |foot|²), found from without, so that the nearest of several is.
    """
    half, rays = _rays(turn, to_crop, np.arange(0, size_px, 2)), _rays(turn, to_crop, np.arange(size_px))
    z, _, _ = _descend(radius, half, np.sqrt(np.maximum(OUTSIDE**2 - half.foot_squared, 0)), COARSE_STEPS)
    z = cv2.warpAffine(z, DOUBLE, (size_px, size_px), borderMode=cv2.BORDER_REPLICATE)
    z, reach, at = _descend(radius, rays, z, FINE_STEPS)
    scale = np.float32(np.hypot(to_crop[0, 0], to_crop[1, 0]))
    coverage = (reach - np.sqrt(rays.foot_squared)) * (scale * SEMI_AXES_PX.mean()) + np.float32(0.5)
    return Hits(at, (z - rays.start) * (scale * np.float32(rays.px_per_unit)), np.clip(coverage, 0, 1, out=coverage))


def _descend(
    radius: np.ndarray, rays: _Rays, z: np.ndarray, steps: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z after the steps; the radius and the texels that the last one looked at."""
    for share in steps:
        at = _unroll(rays, z)
        reach = look_up(radius, at)
        z = z + np.float32(share) * (np.sqrt(np.maximum(reach * reach - rays.foot_squared, 0)) - z)
    return z, reach, at


def _rays(turn: np.ndarray, to_crop: np.ndarray, pixels: np.ndarray) -> _Rays:
    """Through the crossings of these columns and rows of the crop."""
    towards = turn[2] / SEMI_AXES_PX
    length = np.linalg.norm(towards)
    ray = towards / length
    plane = (turn[:2].T / SEMI_AXES_PX[:, None]) @ np.linalg.inv(to_crop[:, :2])
    along = ray @ plane
    x, y = (pixels[:, None] - to_crop[:, 2]).astype(np.float32).T
    across = np.vstack([plane - np.outer(ray, along), along]).astype(np.float32)
    *foot, start = (a * x + b * y[:, None] for a, b in across)
    foot_squared = foot[0] * foot[0] + foot[1] * foot[1] + foot[2] * foot[2]
    return _Rays(tuple(foot), tuple(ray.astype(np.float32)), foot_squared, start, float(1 / length))


def _unroll(rays: _Rays, z: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W 2"]:
    """Texels in the direction of foot + z ray: (x, y) sqrt(2 / (1 + z)) of its unit vector."""
    length = np.sqrt(rays.foot_squared + z * z)
    ahead = rays.foot[2] + rays.ray[2] * z
    unroll = np.sqrt(2 / np.maximum(length * (length + ahead), np.float32(1e-4)))
    flat = ((rays.foot[axis] + rays.ray[axis] * z) * unroll for axis in range(2))
    return cv2.merge([unit * TEXELS_PER_UNIT[axis] + CENTRE_TEXEL[axis] for axis, unit in enumerate(flat)])
