"""Faces of one size, whatever size their files have."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from ..errors import UserError
from .contract import AbstractFaces, UnreadableImage


class Resized(AbstractFaces):
    """Another set's crops at ``size_px`` x ``size_px``; its landmarks move with them."""

    def __init__(self, faces: AbstractFaces, size_px: int) -> None:
        self._faces, self.size_px = faces, size_px
        self.identities, self.labels = faces.identities, faces.labels

    def image(self, index: int) -> UInt8[np.ndarray, "S S 3"]:
        """As every set's.

        Raises:
            UnreadableImage: also for a picture that is not square, which no aligned crop is.
        """
        pixels = self._faces.image(index)
        height, width = pixels.shape[:2]
        if height != width:
            raise UnreadableImage(f"{self.name(index)}: {width} x {height} pixels are not square; align the face first")
        if width == self.size_px:
            return pixels
        method = cv2.INTER_AREA if width > self.size_px else cv2.INTER_LINEAR
        return cv2.resize(pixels, (self.size_px, self.size_px), interpolation=method)

    def name(self, index: int) -> str:
        return self._faces.name(index)

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        points = self._faces.landmarks_px(index)
        if points is None:
            return None
        scale = np.float32(self.size_px / self._faces.image(index).shape[1])
        # Pixel centres lie at whole numbers, so edges lie half a pixel outside.
        return (points + np.float32(0.5)) * scale - np.float32(0.5)


def same_size(faces: AbstractFaces, size_px: int | None = None) -> Resized:
    """``faces`` at ``size_px``, or at the size of the first crop that can be read.

    Raises:
        UserError: there is no such crop.
    """
    return Resized(faces, size_px or _first_size_px(faces))


def _first_size_px(faces: AbstractFaces) -> int:
    reason = "the set is empty"
    for index in range(len(faces)):
        try:
            return faces.image(index).shape[0]
        except UnreadableImage as error:
            reason = str(error)
    raise UserError(f"Not one of {len(faces)} images can be read ({reason}); give a folder of aligned face crops.")
