"""Faces as a camera far away would see them."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .contract import AbstractFaces

Image = UInt8[np.ndarray, "H W 3"]


def at_resolution(image: Image, factor: float) -> Image:
    """The image with its sides shrunk to ``factor``, at most 1, by area, and enlarged again bilinearly."""
    height, width = image.shape[:2]
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)


class Degraded(AbstractFaces):
    """Another set's crops ``at_resolution``: the longer side is shrunk to ``resolution_px``.

    A crop that is no larger stays as it is. Names say the resolution, since these are other pictures.
    """

    def __init__(self, faces: AbstractFaces, resolution_px: int) -> None:
        self._faces, self.resolution_px = faces, resolution_px
        self.identities, self.labels = faces.identities, faces.labels

    def image(self, index: int) -> Image:
        pixels = self._faces.image(index)
        factor = self.resolution_px / max(pixels.shape[:2])
        return pixels if factor >= 1 else at_resolution(pixels, factor)

    def name(self, index: int) -> str:
        return f"{self._faces.name(index)} at {self.resolution_px} px"

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        return self._faces.landmarks_px(index)
