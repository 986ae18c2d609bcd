"""Where on the surface the five landmarks lie: the anchor of shape, paint and labels alike."""

import numpy as np
from jaxtyping import Float

from .person import Person
from .scene import Expression

EYE_T = -4.0
"""Height of both eyes on the surface; everything else is measured from the same origin."""


def mouth_corner(person: Person, expression: Expression) -> tuple[float, float]:
    """The right-hand corner (s, t); a smile pulls it out and up, an open mouth in."""
    s = person.mouth_width * (1 + 0.16 * expression.smile - 0.14 * expression.mouth_open)
    return s, person.mouth_drop - 2.2 * expression.smile + 1.0 * expression.mouth_open


def landmark_points(person: Person, expression: Expression) -> Float[np.ndarray, "5 2"]:
    """Eyes, nose tip, mouth corners (s, t), left as seen in the image."""
    s, t = mouth_corner(person, expression)
    return np.array([[-person.eye_apart, EYE_T], [person.eye_apart, EYE_T], [0, person.nose_drop], [-s, t], [s, t]])
