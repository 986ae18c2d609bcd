"""Who is drawn: the low-dimensional code of an identity, in words of anatomy."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .chance import Chance

PERSON_STREAM = 1


@dataclass(frozen=True)
class Person:
    """Lengths in px of the aligned crop, before pose; shares from 0 to 1 unless said otherwise."""

    head_width: float
    crown_height: float
    chin_drop: float
    depth: float
    jaw_taper: float
    chin_width: float
    chin_out: float
    jaw_corner: float
    cheekbone_out: float
    cheekbone_height: float
    cheek_full: float
    forehead_out: float
    brow_ridge: float
    eye_depth: float
    eye_apart: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    eye_fold: float
    iris: float
    eye_colour: np.ndarray
    nose_drop: float
    nose_out: float
    nose_width: float
    bridge_out: float
    bridge_width: float
    nose_hook: float
    mouth_drop: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    cupid_bow: float
    lip_colour: float
    brow_lift: float
    brow_arch: float
    brow_tilt: float
    brow_thick: float
    brow_length: float
    brow_dark: float
    skin: np.ndarray
    hair_colour: np.ndarray
    hairline: float
    hairline_round: float
    temple: float
    hair_length: float
    hair_volume: float
    parting: float
    beard: float
    moustache: float
    freckles: float
    wrinkles: float
    ear_out: float
    moles: np.ndarray
    """Rows (s, t, radius) on the surface."""
    mottle: np.ndarray
    """24 x 24 coarse unevenness of the skin, about -1..1."""
    strands: np.ndarray
    """5 x 48 light and dark of the hair, about -1..1."""


@lru_cache(maxsize=4096)
def draw_person(seed: int, identity: int) -> Person:
    """The same person for the same seed and number, whatever set it appears in."""
    chance = Chance(seed, PERSON_STREAM, identity)
    around, between, happens = chance.around, chance.between, chance.happens
    bearded = happens(0.2)
    return Person(
        head_width=around(43, 2.0),
        crown_height=around(76, 3),
        chin_drop=around(63, 2.6),
        depth=around(48, 1.5),
        jaw_taper=around(0.29, 0.07),
        chin_width=around(9, 2.2),
        chin_out=around(3.5, 1.6),
        jaw_corner=around(1.5, 1.8),
        cheekbone_out=around(2.2, 1.3),
        cheekbone_height=around(11, 2.5),
        cheek_full=around(0, 1.6),
        forehead_out=around(0.5, 1.4),
        brow_ridge=around(1.4, 1.0),
        eye_depth=around(3.4, 1.0),
        eye_apart=around(17.8, 1.1),
        eye_width=around(7.9, 0.8),
        eye_open=around(3.4, 0.6),
        eye_tilt=around(0.06, 0.09),
        eye_fold=between(0, 1),
        iris=around(3.1, 0.25),
        eye_colour=_eye_colour(chance),
        nose_drop=around(12.5, 2.0),
        nose_out=around(10.5, 2.2),
        nose_width=around(6.2, 1.2),
        bridge_out=around(4.2, 1.5),
        bridge_width=around(3.8, 0.8),
        nose_hook=around(0, 1.2),
        mouth_drop=around(36.5, 1.6),
        mouth_width=around(13.8, 1.5),
        upper_lip=around(2.7, 0.8),
        lower_lip=around(3.9, 0.9),
        cupid_bow=between(0.1, 0.6),
        lip_colour=around(0.45, 0.2),
        brow_lift=around(8.3, 1.2),
        brow_arch=around(1.6, 1.0),
        brow_tilt=around(0.0, 0.1),
        brow_thick=around(1.7, 0.55),
        brow_length=around(9.6, 1.1),
        brow_dark=between(0.35, 0.9),
        skin=_skin(chance),
        hair_colour=_hair_colour(chance),
        hairline=around(38, 4.5),
        hairline_round=around(0.0, 5),
        temple=around(40, 3),
        hair_length=between(0, 1),
        hair_volume=around(5, 1.6),
        parting=around(0, 14),
        beard=between(0.25, 0.85) if bearded else 0.0,
        moustache=between(0.2, 0.8) if bearded or happens(0.08) else 0.0,
        freckles=between(0.3, 1) if happens(0.15) else 0.0,
        wrinkles=between(0, 1),
        ear_out=around(7, 2),
        moles=_moles(chance),
        mottle=chance.generator.standard_normal((24, 24), dtype=np.float32),
        strands=chance.generator.standard_normal((5, 48), dtype=np.float32),
    )


def _skin(chance: Chance) -> np.ndarray:
    """From fair to dark with a little hue of its own; people differ less than lamps do."""
    dark = np.clip(chance.around(0.38, 0.2), 0, 1)
    fair_rgb, dark_rgb = np.array([232, 190, 165]), np.array([128, 84, 60])
    hue = np.array([chance.around(0, 3), chance.around(0, 3), chance.around(0, 5)])
    return ((1 - dark) * fair_rgb + dark * dark_rgb + hue).astype(np.float32)


def _hair_colour(chance: Chance) -> np.ndarray:
    """Black through brown to blond, red for some, grey for some."""
    light, red, grey = chance.between(0, 1) ** 1.8, chance.between(0, 1) ** 3, chance.between(0, 1) ** 4
    pigment = np.array([30, 24, 22]) + light * np.array([150, 115, 65]) + red * np.array([45, 8, -5])
    return ((1 - grey) * pigment + grey * np.array([165, 162, 158])).astype(np.float32)


def _eye_colour(chance: Chance) -> np.ndarray:
    """Brown for most; blue, green or grey for some."""
    pale = chance.between(0, 1) ** 2
    brown, blue = np.array([70, 42, 25]), np.array([95, 130, 150])
    return ((1 - pale) * brown + pale * blue + chance.colour(-12, 12)).astype(np.float32)


def _moles(chance: Chance) -> np.ndarray:
    """Up to three, somewhere between forehead and chin."""
    count = int(chance.between(0, 4) * chance.between(0, 1))
    places = [[chance.between(-32, 32), chance.between(-24, 50), chance.between(0.6, 1.2)] for _ in range(count)]
    return np.array(places).reshape(-1, 3)
