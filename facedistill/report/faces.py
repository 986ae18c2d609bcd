"""The two images of a pair on a page: as they are, or as a handful of colours that nobody can be told by."""

import cv2
import numpy as np
from jaxtyping import UInt8

from ..page.render import data_uri

SHOWN_PX = 112
BLURRED_PX = 5
"""Side of what is left of a blurred face: 25 mean colours, from which no browser can bring more back."""


def shown_face(image: UInt8[np.ndarray, "H W 3"]) -> str:
    """The face itself as a data address."""
    size = (SHOWN_PX, SHOWN_PX)
    shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if image.shape[0] > SHOWN_PX else image
    return data_uri(cv2.imencode(".jpg", shrunk[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes(), "jpeg")


def blurred_face(image: UInt8[np.ndarray, "H W 3"]) -> str:
    """What is left of a face that is not to be known, as a data address; the page spreads it softly."""
    return data_uri(cv2.imencode(".png", blurred(image)[..., ::-1])[1].tobytes(), "png")


def blurred(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "b b 3"]:
    """The mean colours alone."""
    left: np.ndarray = cv2.resize(image, (BLURRED_PX, BLURRED_PX), interpolation=cv2.INTER_AREA)
    return left
