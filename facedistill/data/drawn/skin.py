"""The albedo of bare skin: tone, blush, shades that no lamp makes, beard, moles."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .canvas import glaze, outline
from .person import Person
from .places import EYE_T
from .scene import Scene
from .surface import MAP_SHAPE, Rows, blobs, mirrored, mix, pair

RED = np.array([10, -9, -7], np.float32)
"""What blood adds to the tone, in grey levels."""
HALF_SIZE = (MAP_SHAPE[1] // 2, MAP_SHAPE[0] // 2)


def paint_skin(person: Person, scene: Scene) -> UInt8[np.ndarray, "V U 3"]:
    """A new canvas: RGB albedo in grey levels."""
    shade = 1 + blobs(_shades(person), every=2) + _unevenness(person)
    tone = person.skin * scene.dress.tan
    half = mix(shade, tone, blobs(_blood(person), every=2), RED)
    canvas = cv2.resize(cv2.convertScaleAbs(half), MAP_SHAPE[::-1])
    _beard(canvas, person, scene.dress.stubble)
    for s, t, radius in person.moles:
        glaze(canvas, [outline((s, t), (radius, radius))], tone * 0.45, 0.7)
    return canvas


def _shades(p: Person) -> Rows:
    deep, lines = 0.03 * p.eye_depth, 0.1 * p.wrinkles
    return [
        (0, p.mouth_drop + 8, 8, 1.8, -0.06),
        (0, p.nose_drop + 6.5, 5, 2, -0.10),
        *pair(p.eye_apart, EYE_T + 5.5, 7, 2.2, -0.5 * deep - 0.4 * lines),
        *pair(p.eye_apart, EYE_T - 3.5, 8, 2.4, -deep),
        *pair(8.5, EYE_T, 2.4, 4, -0.6 * deep),
        *pair(p.nose_width + 3, p.nose_drop + 3, 1.4, 3.5, -0.08),
        *pair(p.mouth_width + 2.5, p.mouth_drop - 6, 1.6, 6, -lines),
        *pair(p.mouth_width + 2, p.mouth_drop + 1, 1.5, 2, -0.08),
    ]


def _blood(p: Person) -> Rows:
    cheeks, ears = pair(26, p.nose_drop + 3, 9, 8, 1.0), pair(66, EYE_T + 12, 5, 8, 1.0)
    return [*cheeks, *ears, (0, p.nose_drop, 5, 4, 1.0), (0, p.mouth_drop + 18, 8, 4, 0.5)]


def _unevenness(p: Person) -> Float[np.ndarray, "V U"]:
    broad = 0.022 * cv2.resize(p.mottle, HALF_SIZE, interpolation=cv2.INTER_LINEAR)
    if not p.freckles:
        return broad
    spots = np.maximum(np.tile(p.mottle, (5, 4))[: HALF_SIZE[1], : HALF_SIZE[0]] - 0.8, 0)
    level = p.nose_drop - 3
    return broad - 0.2 * p.freckles * spots * blobs([*pair(20, level, 12, 7, 1), (0, level - 3, 9, 6, 1)], every=2)


def _beard(canvas: np.ndarray, p: Person, stubble: float) -> None:
    """Where it grows at all; today's stubble makes it denser or sparser."""
    mouth, hair = p.mouth_drop, 0.8 * p.hair_colour + 0.1 * p.skin
    if p.beard:
        jaw = [
            (0, mouth + 5),
            (-10, mouth + 6),
            (-19, mouth + 1),
            (-34, mouth - 5),
            (-46, mouth - 20),
            (-58, EYE_T + 18),
        ]
        under = [(-54, mouth + 14), (-32, mouth + 40), (0, mouth + 46)]
        glaze(canvas, [mirrored(np.array(jaw + under, float))], hair, max(p.beard + stubble, 0.0), 3.0)
    if p.moustache:
        top, end = p.nose_drop + 9, p.mouth_width + 3
        half = np.array([(0, top), (-9, top + 2), (-end, mouth + 4), (4 - end, mouth), (0, mouth - 2)])
        glaze(canvas, [mirrored(half)], hair, max(p.moustache + stubble, 0.0), 1.3)
