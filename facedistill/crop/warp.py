"""Five points to a crop: a similarity transform onto the ArcFace template, and the picture under it."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from ..data.template import similarity, template_px
from .contract import NoFace

LEAST_SPREAD_PX = 1e-3
"""Points nearer to each other than this are one spot, which has no size and no direction."""


def align_face(
    image: UInt8[np.ndarray, "H W 3"], points_px: Float[np.ndarray, "5 2"], size_px: int = 112
) -> UInt8[np.ndarray, "S S 3"]:
    """The face of a picture as a square crop, its points on ``template_px(size_px)`` as nearly as a similarity can.

    ``points_px`` are eyes, nose and mouth corners (x, y) in the picture's pixels, left as seen in it; pixel centres
    have whole numbers. Bilinear, and black beyond the picture's border: the field's rule, which smooths no large face.

    Raises:
        NoFace: the points lie on one spot, or are no numbers.
    """
    return cv2.warpAffine(image, _to_crop(points_px, size_px), (size_px, size_px), flags=cv2.INTER_LINEAR)


def crop_points(points_px: Float[np.ndarray, "5 2"], size_px: int = 112) -> Float[np.ndarray, "5 2"]:
    """Where the five points of a picture lie in the pixels of its crop.

    Raises:
        NoFace: as ``align_face``.
    """
    to_crop = _to_crop(points_px, size_px)
    return points_px @ to_crop[:, :2].T + to_crop[:, 2]


def five_of_68(points_px: Float[np.ndarray, "68 2"]) -> Float[np.ndarray, "5 2"]:
    """Eyes, nose and mouth corners of the 68 points of iBUG 300-W, counted from 0.

    An eye is the middle of its two corners rather than of its six points: the common reading of these sets for faces.
    """
    eyes = [points_px[[36, 39]].mean(0), points_px[[42, 45]].mean(0)]
    return np.stack([*eyes, *points_px[[30, 48, 54]]])


def _to_crop(points_px: Float[np.ndarray, "5 2"], size_px: int) -> Float[np.ndarray, "2 3"]:
    points_px = points_px.astype(np.float64)
    if not np.isfinite(points_px).all() or np.ptp(points_px, axis=0).max() < LEAST_SPREAD_PX:
        raise NoFace("its five points lie on one spot or are no numbers")
    return similarity(points_px, template_px(size_px))
