"""Faces as a camera far away would see them."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .contract import AbstractFaces


class Degraded(AbstractFaces):
    """Another set's crops, shrunk by area until the longer side is ``resolution_px`` and enlarged again bilinearly.

    A crop that is no larger stays as it is. Names say the resolution, since these are other pictures.
    """

    def __init__(self, faces: AbstractFaces, resolution_px: int) -> None:
        self._faces, self.resolution_px = faces, resolution_px
        self.identities, self.labels = faces.identities, faces.labels

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        pixels = self._faces.image(index)
        height, width = pixels.shape[:2]
        scale = self.resolution_px / max(height, width)
        if scale >= 1:
            return pixels
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        shrunk = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
        return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)

    def name(self, index: int) -> str:
        return f"{self._faces.name(index)} at {self.resolution_px} px"

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        return self._faces.landmarks_px(index)
