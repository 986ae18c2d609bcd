"""Which point of the head every pixel sees: parallel rays against a star-shaped surface."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from .scene import Pose
from .shape import EVERY
from .surface import REACH_PX, SEMI_AXES_PX, TEXELS_PER_PX, look_up

COARSE_STEPS, FINE_STEPS = (1.0, 1.0, 0.6, 0.6), (0.8, 0.8)
"""Share of each fixed-point step that is taken, on every other pixel and then on all: at rims whole steps oscillate."""
DOUBLE = np.array([[2, 0, 0], [0, 2, 0]], np.float32)
TEXELS, CENTRE_TEXEL = np.append(SEMI_AXES_PX[:2] * TEXELS_PER_PX / EVERY, 1), REACH_PX * TEXELS_PER_PX / EVERY
"""For one unit in x, y and z (which has none and stays); where the map's centre is."""
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
    """In the stretched head: foot + z ray, foot at right angles to the ray. x and y are measured in texels."""

    foot: tuple[Float[np.ndarray, "H W"], ...]
    ray: tuple[float, ...]
    foot_squared: Float[np.ndarray, "H W"]
    """Squared length in units of the stretched head."""
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
    radius: Float[np.ndarray, "v u"],
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
    at *= EVERY
    return Hits(at, (z - rays.start) * (scale * np.float32(rays.px_per_unit)), np.clip(coverage, 0, 1, out=coverage))


def _descend(
    radius: np.ndarray, rays: _Rays, z: np.ndarray, steps: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z after the steps; the radius and the texels that the last one looked at."""
    for share in steps:
        at = _unroll(rays, z)
        reach = look_up(radius, at)
        found = reach * reach
        found -= rays.foot_squared
        np.sqrt(np.maximum(found, 0, out=found), out=found)
        z = cv2.addWeighted(found, share, z, 1 - share, 0)
    return z, reach, at


def _rays(turn: np.ndarray, to_crop: np.ndarray, pixels: np.ndarray) -> _Rays:
    """Through the crossings of these columns and rows of the crop."""
    towards = turn[2] / SEMI_AXES_PX
    length = np.sqrt(towards @ towards)
    ray = towards / length
    plane = (turn[:2].T / SEMI_AXES_PX[:, None]) @ np.linalg.inv(to_crop[:, :2])
    along = ray @ plane
    foot = plane - ray[:, None] * along
    x, y = (pixels[:, None] - to_crop[:, 2]).astype(np.float32).T
    across = np.vstack([foot * TEXELS[:, None], along]).astype(np.float32)
    *feet, start = (a * x + (b * y)[:, None] for a, b in across)
    return _Rays(tuple(feet), tuple((ray * TEXELS).tolist()), _squared(foot, x, y), start, float(1 / length))


def _squared(foot: np.ndarray, x: np.ndarray, y: np.ndarray) -> Float[np.ndarray, "H W"]:
    """|x foot[:, 0] + y foot[:, 1]|², multiplied out."""
    (xx, xy), (_, yy) = (foot.T @ foot).astype(np.float32)
    squared = (2 * xy * y)[:, None] * x
    squared += xx * x * x
    squared += (yy * y * y)[:, None]
    return squared


def _unroll(rays: _Rays, z: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W 2"]:
    """Texels in the direction of foot + z ray: (x, y) sqrt(2 / (1 + z)) of its unit vector."""
    length = z * z
    length += rays.foot_squared
    np.sqrt(length, out=length)
    unroll = cv2.scaleAdd(z, rays.ray[2], rays.foot[2])
    unroll += length
    unroll *= length
    np.divide(2, np.maximum(unroll, np.float32(1e-4), out=unroll), out=unroll)
    np.sqrt(unroll, out=unroll)
    flat = [np.asarray(cv2.scaleAdd(z, rays.ray[axis], rays.foot[axis])) for axis in range(2)]
    for unit, centre in zip(flat, CENTRE_TEXEL, strict=True):
        np.multiply(unit, unroll, out=unit)
        np.add(unit, centre, out=unit)
    return cv2.merge(flat)
