"""Hair on the head: where it grows, how it lies today, its strands."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .canvas import FRACTION_BITS, curve, fixed_point
from .person import Person
from .places import EYE_T
from .scene import Dress
from .surface import MAP_SHAPE, REACH_PX, texels


def hair_map(person: Person, dress: Dress) -> Float[np.ndarray, "V U"]:
    """Share of hair in every texel, 0 to 1, from the hairline backwards."""
    mask = np.zeros(MAP_SHAPE, np.uint8)
    cv2.fillPoly(mask, [fixed_point(texels(_outline(person, dress)))], 255, cv2.LINE_AA, FRACTION_BITS)
    return cv2.blur(mask, (5, 5)) * np.float32(1 / 255)


def paint_hair(
    canvas: UInt8[np.ndarray, "V U 3"], person: Person, hair: Float[np.ndarray, "V U"]
) -> UInt8[np.ndarray, "V U 3"]:
    """The canvas with coloured strands where the hair is."""
    strands = cv2.convertScaleAbs(cv2.transform(1 + 0.18 * person.strands, person.hair_colour[:, None]))
    share = np.minimum(np.float32(1.6) * hair, 1)
    return cv2.blendLinear(canvas, cv2.resize(strands, MAP_SHAPE[::-1]), 1 - share, share)


def _outline(p: Person, dress: Dress) -> np.ndarray:
    """From the left side over the forehead to the right side, closed behind the head."""
    s = p.temple * np.linspace(-1, 1, 24)
    away = (s - p.parting - dress.parting_px) / p.temple
    front = EYE_T - p.hairline + dress.fringe_px + p.hairline_round * 0.5 * (away**2 - 0.4) + 4 * np.abs(away)
    front += p.strands[0, ::2]
    low = EYE_T + 4 + 70 * max(p.hair_length - 0.35, 0)
    sides = p.temple + 14 - 5 * p.hair_length
    right = np.array([(sides, EYE_T - 4), (sides + 2, low), (REACH_PX[0], low + 4), (REACH_PX[0], -REACH_PX[1])])
    return np.concatenate([curve(s, front), right, (right * [-1, 1])[::-1]])
