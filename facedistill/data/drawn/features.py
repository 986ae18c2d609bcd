"""Eyes, brows, mouth and nostrils, painted where the landmarks are."""

import numpy as np

from .canvas import between, glaze, outline
from .person import Person
from .places import EYE_T, mouth_corner
from .scene import Dress, Expression

ALONG = np.linspace(-1, 1, 13)
"""From the left end of a feature to its right end."""
BELLY = 1 - ALONG**2
"""Nothing at the ends, full in the middle."""
SIDES = np.array([[-1.0], [1.0]])
"""The image's left and right; features turn outwards with their sign."""
OUTWARDS = SIDES * ALONG
UPPER_LID, LIPS = BELLY**0.7, BELLY**0.6
TAPER = 1 - 0.35 * ALONG**2 - 0.4 * np.maximum(OUTWARDS, 0) ** 2
"""Of the brows, towards both ends and more so outwards."""
DARK = np.array([22, 14, 12], np.float32)
GLINT = np.array([235, 235, 235], np.float32)
SCLERA = np.array([214, 206, 200], np.float32)
TEETH = np.array([222, 214, 200], np.float32)


def paint_features(canvas: np.ndarray, person: Person, expression: Expression, dress: Dress) -> None:
    """All of them onto the skin, in place."""
    _nostrils(canvas, person)
    _mouth(canvas, person, expression, dress)
    _eyes(canvas, person, expression)
    _brows(canvas, person, expression)


def _nostrils(canvas: np.ndarray, p: Person) -> None:
    inside = (0.5 * p.nose_width, p.nose_drop + 4.6)
    holes = [outline((side * inside[0], inside[1]), (1.7, 0.9)) for side in (-1, 1)]
    edge, tip = p.nose_width + 0.7, p.nose_drop
    wing = np.array([(edge, tip - 1), (edge + 1.4, tip + 4), (edge, tip + 5.5), (edge - 0.2, tip + 2)])
    glaze(canvas, [wing * [-1, 1], wing], 0.55 * p.skin, 0.5, 0.8)
    glaze(canvas, holes, 0.25 * p.skin, 0.7, 0.5)


def _eyes(canvas: np.ndarray, p: Person, e: Expression) -> None:
    """Lids, eyeball, iris, lashes."""
    s, upper, lower = _lids(p, e)
    centres = [(side * p.eye_apart + e.gaze[0], EYE_T + e.gaze[1]) for side in (-1, 1)]
    irises = [outline(centre, (p.iris, p.iris)) for centre in centres]
    pupils = [outline(centre, (1.3, 1.3)) for centre in centres]
    glints = [outline((s + 0.9, t - 1), (0.7, 0.7)) for s, t in centres]
    eyeball = [(irises, p.eye_colour), (pupils, DARK), (glints, GLINT)]
    glaze(canvas, list(between(s, upper, lower)), SCLERA, 1.0, 0.4, eyeball)
    lash, fold = 0.25 + 0.5 * BELLY, 1.2 + 1.2 * p.eye_fold
    folds = between(s, upper - fold - 0.5 * lash, upper - fold + 0.5 * lash)
    edges = between(s, lower - 0.4 * lash, lower + 0.4 * lash)
    glaze(canvas, [*folds, *edges], 0.5 * p.skin, 0.4 + 0.3 * p.eye_fold, 0.4)
    glaze(canvas, list(between(s, upper - lash, upper + lash)), DARK, 0.85)


def _lids(p: Person, e: Expression) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """s, upper and lower t of the rims on both sides; the outer corner rises with the tilt."""
    s = SIDES * p.eye_apart + p.eye_width * ALONG
    level = EYE_T - p.eye_tilt * SIDES * p.eye_width * ALONG
    gape = p.eye_open * min(max(1 - e.eyes_shut, 0.04), 1.3)
    droop = 1.2 * max(e.eyes_shut, 0) * BELLY
    lower = level + 0.75 * p.eye_open * BELLY - 0.15 * p.eye_open * max(e.smile, 0)
    upper = np.minimum(level + droop - gape * UPPER_LID * (1 + 0.12 * OUTWARDS), lower - 0.05)
    return s, upper, lower


def _brows(canvas: np.ndarray, p: Person, e: Expression) -> None:
    s = SIDES * (p.eye_apart + 0.8) + p.brow_length * ALONG
    arch = p.brow_arch * (1 - (OUTWARDS - 0.25) ** 2)
    frown = -1.2 * min(e.brows, 0) * np.maximum(-OUTWARDS, 0)
    t = EYE_T - p.brow_lift - 1.8 * e.brows - arch - p.brow_tilt * p.brow_length * OUTWARDS + frown
    width = p.brow_thick * TAPER
    colour = 0.75 * p.hair_colour + 0.25 * DARK
    glaze(canvas, list(between(s, t - width, t + width)), colour, p.brow_dark, 0.7)


def _mouth(canvas: np.ndarray, p: Person, e: Expression, dress: Dress) -> None:
    """Lips round what is between them: from nothing to teeth and a dark hollow."""
    half, corner_t = mouth_corner(p, e)
    s, line = half * ALONG, corner_t + 2.2 * e.smile * BELLY
    gap = (8 * e.mouth_open + 3.5 * max(e.smile - 0.3, 0)) * BELLY
    bow = LIPS * (1 - p.cupid_bow * np.exp(-((ALONG / 0.2) ** 2)))
    stretch = 1 - 0.25 * max(e.smile, 0)
    inner_top, inner_bottom = line - 0.2 * gap, line + 0.8 * gap
    top = inner_top - stretch * p.upper_lip * bow
    bottom = inner_bottom + stretch * p.lower_lip * LIPS
    lip = _lip_colour(p, dress)
    glaze(canvas, [between(s, top, inner_top + 0.4)], 0.9 * lip, 0.95, 0.5)
    glaze(canvas, [between(s, inner_bottom - 0.4, bottom)], lip, 0.95, 0.5)
    glaze(canvas, [between(s, inner_top - 0.35, inner_bottom + 0.45)], 0.3 * lip + [20, 0, 0], 0.85, 0.3)
    if gap.max() > 0.8:
        bite = np.minimum(gap, 3.2 * BELLY**0.5) * (0.3 + 0.7 * e.teeth)
        glaze(canvas, [between(0.85 * s, inner_top, inner_top + bite)], TEETH, 0.9, 0.3)


def _lip_colour(p: Person, dress: Dress) -> np.ndarray:
    bare = p.skin * (1 - p.lip_colour * np.array([0.22, 0.62, 0.5]))
    return (1 - 0.6 * dress.lipstick) * bare + 0.6 * dress.lipstick * np.array([165, 30, 50])
