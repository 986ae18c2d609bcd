"""Glasses and cloth masks: painted on the surface, so that they turn with the head."""

import numpy as np

from .canvas import Points, curve, glaze
from .person import Person
from .places import EYE_T
from .scene import Dress
from .surface import mirrored

FRAME = np.array([28, 26, 30], np.float32)
SIDES = (-1, 1)


def paint_worn(canvas: np.ndarray, person: Person, dress: Dress) -> None:
    """Onto the finished face, in place."""
    if dress.mask_rgb is not None:
        _mask(canvas, person, dress.mask_rgb)
    if dress.glasses >= 0:
        _glasses(canvas, person, dress)


def _mask(canvas: np.ndarray, p: Person, colour: np.ndarray) -> None:
    top, low = p.nose_drop - 8, p.mouth_drop
    half = [
        (0, top),
        (-10, top + 4),
        (-30, top + 12),
        (-56, top + 8),
        (-57, top + 18),
        (-44, low + 14),
        (-28, low + 34),
    ]
    glaze(canvas, [mirrored(np.array([*half, (0, low + 40)]))], colour, 1.0, 0.5)


def _glasses(canvas: np.ndarray, p: Person, dress: Dress) -> None:
    width, height, roundness = dress.glasses_shape
    centres = [(side * (p.eye_apart + 0.5), EYE_T + 1.5) for side in SIDES]
    rims = [_lens(centre, dress.glasses_shape) for centre in centres]
    inner = [_lens(centre, (width - 1.3, height - 1.3, roundness)) for centre in centres]
    rings = [np.concatenate([rim, rim[:1], hole[:1], hole[::-1]]) for rim, hole in zip(rims, inner, strict=True)]
    ends = p.eye_apart + np.array([0.5 + width, -width])
    bar = np.array([(ends[0], EYE_T - 1.7), (66, EYE_T + 0.3), (66, EYE_T + 1.7), (ends[0], EYE_T - 0.3)])
    bridge = np.array(
        [(-ends[1], EYE_T), (0, EYE_T - 1.4), (ends[1], EYE_T), (ends[1], EYE_T + 1.2), (-ends[1], EYE_T + 1.2)]
    )
    glaze(canvas, rims, FRAME, dress.glasses)
    glaze(canvas, rings, FRAME, 0.85)
    glaze(canvas, [bridge, *(bar * [side, 1] for side in SIDES)], FRAME, 0.9)


def _lens(centre: tuple[float, float], shape: tuple[float, float, float]) -> Points:
    """A superellipse, from nearly square to round."""
    width, height, roundness = shape
    power = 0.45 + 0.55 * roundness
    angle = np.arange(20) * (2 * np.pi / 20)
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power
    return curve(centre[0] + width * x, centre[1] + height * y)
