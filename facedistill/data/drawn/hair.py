"""Hair on the head: where it grows, how it lies today, its strands."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .canvas import FRACTION_BITS, curve, fixed_point
from .person import Person
from .places import EYE_T
from .scene import Dress
from .surface import MAP_SHAPE, REACH_PX, texels

BARE_ROWS = 16
"""Kept below the lowest hair: more than any blur of it reaches."""


def hair_map(person: Person, dress: Dress) -> Float[np.ndarray, "R U"]:
    """Share of hair in every texel, 0 to 1, from the hairline backwards; the map's rows below all hair are left out."""
    corners = fixed_point(texels(_outline(person, dress)))
    lowest = (int(corners[:, 1].max()) >> FRACTION_BITS) + BARE_ROWS
    mask = np.zeros((min(lowest, MAP_SHAPE[0]), MAP_SHAPE[1]), np.uint8)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, FRACTION_BITS)
    return cv2.blur(mask, (5, 5)) * np.float32(1 / 255)


def paint_hair(canvas: UInt8[np.ndarray, "V U 3"], person: Person, hair: Float[np.ndarray, "R U"]) -> None:
    """Coloured strands where the hair is, in place."""
    strands = cv2.convertScaleAbs(cv2.transform(1 + 0.18 * person.strands, person.hair_colour[:, None]))
    share, below = np.minimum(np.float32(1.6) * hair, 1), canvas[: len(hair)]
    below[:] = cv2.blendLinear(below, cv2.resize(strands, MAP_SHAPE[::-1])[: len(hair)], 1 - share, share)


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
