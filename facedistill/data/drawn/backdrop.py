"""What is behind the head: a blurred room, long hair, neck and clothes."""

import cv2
import numpy as np
from jaxtyping import Float

from .canvas import FRACTION_BITS, fixed_point, outline
from .person import Person
from .scene import Scene
from .surface import mirrored


def paint_backdrop(
    person: Person, scene: Scene, to_crop: Float[np.ndarray, "2 3"], size_px: int
) -> Float[np.ndarray, "H W 3"]:
    """Radiance in grey levels; ``to_crop`` is the similarity from the camera's plane, as for the head."""
    canvas = cv2.resize(scene.backdrop, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    light = scene.light.ambient + 0.6 * scene.light.key
    chin, width = person.chin_drop, person.head_width
    if person.hair_length > 0.45:
        curtain = outline((0, 10), (width + 9, 20 + 85 * person.hair_length))
        _fill(canvas, curtain, to_crop, 0.75 * person.hair_colour * light)
    neck = [(0, chin - 30), (-0.62 * width, chin - 30), (-0.68 * width, chin + 40), (0, chin + 40)]
    shoulders = [(0, chin + 24), (-22, chin + 12), (-100, chin + 32), (-100, 200), (0, 200)]
    _fill(canvas, mirrored(np.array(neck)), to_crop, 0.55 * person.skin * light)
    _fill(canvas, mirrored(np.array(shoulders)), to_crop, scene.dress.cloth_rgb * light)
    return cv2.GaussianBlur(canvas, (0, 0), 0.9 * size_px / 112).astype(np.float32)


def _fill(canvas: np.ndarray, points: np.ndarray, to_crop: np.ndarray, colour: np.ndarray) -> None:
    at = points @ to_crop[:, :2].T + to_crop[:, 2]
    rgb = np.clip(colour, 0, 255).tolist()
    cv2.fillPoly(canvas, [fixed_point(at)], rgb, cv2.LINE_AA, FRACTION_BITS)
