"""Painting on the unrolled surface: every stroke is a smooth mask through which a colour shows."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .chance import Number
from .surface import texels

FRACTION_BITS = 4
MARGIN_TEXELS = 2
CIRCLE: Float[np.ndarray, "24 2"] = np.array(
    [(np.cos(angle), np.sin(angle)) for angle in np.arange(24) * (2 * np.pi / 24)]
)

Points = Float[np.ndarray, "_ 2"]
Layer = tuple[Sequence[Points], Float[np.ndarray, "3"]]
"""Polygons and their colour, RGB."""


def outline(centre: tuple[Number, Number], radius: tuple[Number, Number]) -> Float[np.ndarray, "24 2"]:
    """An ellipse as surface points (s, t)."""
    return CIRCLE * radius + centre


def curve(s: Float[np.ndarray, "*K N"], t: Float[np.ndarray, "*K N"]) -> Float[np.ndarray, "*K N 2"]:
    """Points from their coordinates."""
    points = np.empty((*s.shape, 2))
    points[..., 0], points[..., 1] = s, t
    return points


def between(
    s: Float[np.ndarray, "*K N"], upper: Float[np.ndarray, "*K N"], lower: Float[np.ndarray, "*K N"]
) -> Float[np.ndarray, "*K M 2"]:
    """The outline of what lies between two lines that share their s, there and back again."""
    count = s.shape[-1]
    points = np.empty((*s.shape[:-1], 2 * count, 2))
    points[..., :count, 0], points[..., count:, 0] = s, s[..., ::-1]
    points[..., :count, 1], points[..., count:, 1] = upper, lower[..., ::-1]
    return points


def fixed_point(at: Points) -> np.ndarray:
    """Corners as OpenCV's polygons take them: int32 with ``FRACTION_BITS`` behind the point."""
    return np.rint(at * (1 << FRACTION_BITS)).astype(np.int32)


def glaze(
    canvas: UInt8[np.ndarray, "V U 3"],
    shapes: Sequence[Points],
    colour: Float[np.ndarray, "3"],
    opacity: float = 1.0,
    soft_texels: float = 0.0,
    layers: Sequence[Layer] = (),
) -> None:
    """Let a colour show through polygons that do not overlap, in place; ``soft_texels`` blurs their rim.

    ``layers`` lie on the colour, opaque and in order, and show through the same polygons only.
    """
    corners = _corners(shapes)
    left, top, right, bottom = _box(corners, MARGIN_TEXELS + int(2 * soft_texels), canvas.shape)
    below, origin = canvas[top:bottom, left:right], np.array([left, top], np.int32) << FRACTION_BITS
    mask = np.zeros(below.shape[:2], np.uint8)
    _fill(mask, shapes, corners - origin, [255.0])
    if soft_texels:
        cv2.GaussianBlur(mask, (0, 0), soft_texels, dst=mask)
    paint = np.empty_like(below)
    paint[:] = colour
    for layer, layer_colour in layers:
        _fill(paint, layer, _corners(layer) - origin, layer_colour.tolist())
    share = mask * np.float32(opacity / 255)
    below[:] = cv2.blendLinear(below, paint, 1 - share, share)


def _corners(shapes: Sequence[Points]) -> np.ndarray:
    """Of all shapes, one after the other, on the canvas: in one go, since each is small."""
    return fixed_point(texels(np.concatenate(shapes)))


def _box(corners: np.ndarray, margin: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom around all corners, inside the canvas."""
    x, y, width, height = cv2.boundingRect(corners >> FRACTION_BITS)
    return max(x - margin, 0), max(y - margin, 0), min(x + width + margin, shape[1]), min(y + height + margin, shape[0])


def _fill(image: np.ndarray, shapes: Sequence[Points], corners: np.ndarray, colour: Sequence[float]) -> None:
    start = 0
    polygons = [corners[start : (start := start + len(shape))] for shape in shapes]
    cv2.fillPoly(image, polygons, colour, cv2.LINE_AA, FRACTION_BITS)
