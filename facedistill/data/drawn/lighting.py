"""From albedo and depth to light: a lamp with shadows, light from everywhere, gloss."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .scene import Light
from .surface import mix

WRAP = 0.15
"""How far a lamp's light reaches round an edge: skin is a little translucent."""
SHADOW_STEPS_PX = (3.0, 7.0, 13.0)
"""At 112 px: where along the way to the lamp something may stand."""


def shade(
    albedo: UInt8[np.ndarray, "H W 3"], depth: Float[np.ndarray, "H W"], light: Light
) -> Float[np.ndarray, "H W 3"]:
    """Radiance in grey levels, not yet clipped. Depth in px of this crop."""
    unit_px = depth.shape[0] / 112
    normal = _normals(depth, unit_px)
    facing = _along(normal, light.direction)
    lit = np.maximum((facing + np.float32(WRAP)) / np.float32(1 + WRAP), 0)
    lit *= 1 - light.shadow * _shadow(depth, light, unit_px)
    open_sky = (0.85 - 0.15 * normal[1]) * _openness(depth, unit_px)
    halfway = light.direction + np.array([0, 0, 1], np.float32)
    halfway /= np.linalg.norm(halfway)
    gloss = cv2.pow(np.maximum(_along(normal, halfway), 0), 14) * lit * np.float32(255 * light.gloss)
    arriving = mix(open_sky, light.ambient, lit, light.key)
    return cv2.add(cv2.multiply(arriving, albedo, dtype=cv2.CV_32F), cv2.merge([gloss] * 3))


def _along(normal: tuple[np.ndarray, ...], direction: np.ndarray) -> np.ndarray:
    return normal[0] * direction[0] + normal[1] * direction[1] + normal[2] * direction[2]


def _normals(depth: np.ndarray, unit_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    smooth = cv2.GaussianBlur(depth, (0, 0), 0.9 * unit_px)
    left = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=-1 / 8)
    up = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=-1 / 8)
    towards = 1 / np.sqrt(left * left + up * up + 1)
    return left * towards, up * towards, towards


def _openness(depth: np.ndarray, unit_px: float) -> np.ndarray:
    """Hollows see less of the sky: compare the depth with its surroundings'."""
    around = cv2.blur(depth, (2 * int(5 * unit_px) + 1,) * 2)
    return np.clip(1 - 0.07 / unit_px * (around - depth), 0.55, 1.1)


def _moved(picture: np.ndarray, x: float, y: float, shape: tuple[int, ...]) -> np.ndarray:
    """The part of a picture whose first pixel lies at (x, y), bilinearly."""
    column, row = int(x), int(y)
    part = picture[row : row + shape[0] + 1, column : column + shape[1] + 1]
    rows = cv2.addWeighted(part[:-1], 1 - (y - row), part[1:], y - row, 0)
    return cv2.addWeighted(rows[:, :-1], 1 - (x - column), rows[:, 1:], x - column, 0)


def _shadow(depth: np.ndarray, light: Light, unit_px: float) -> np.ndarray:
    """Share of the lamp that something nearer to it hides, 0 to 1."""
    sideways = max(float(np.hypot(light.direction[0], light.direction[1])), 1e-3)
    x, y = (light.direction[:2] / sideways).tolist()
    climb = float(light.direction[2]) / sideways
    hidden = np.zeros_like(depth)
    margin = int(SHADOW_STEPS_PX[-1] * unit_px) + 2
    around = cv2.copyMakeBorder(depth, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    for step in SHADOW_STEPS_PX:
        far = step * unit_px
        there = _moved(around, margin + far * x, margin + far * y, depth.shape)
        there -= depth
        np.maximum(hidden, there - np.float32(far * climb), out=hidden)
    return np.minimum(cv2.blur(hidden, (2 * int(2 * unit_px) + 1,) * 2) / np.float32(2 * unit_px), 1)
