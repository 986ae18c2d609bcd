"""IJB's loose crops, aligned to the ArcFace template from the listed points, as every public evaluation does it."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ...crop.contract import NoFace
from ...crop.warp import align_face, crop_points
from ...errors import UserError
from ...types import UNLABELLED
from ..codec import read_image
from ..contract import AbstractFaces, UnreadableImage
from .images import IjbImages


class IjbFaces(AbstractFaces):
    """Crops of 112 x 112 px in the order of the lists, of nobody in particular: subjects belong to templates.

    A similarity transform (least squares over five points), bilinear, black outside the picture.

    Raises:
        UserError: there is no folder, or a listed image is not in it.
    """

    def __init__(self, folder: Path, images: IjbImages, listed_in: Path) -> None:
        self.folder, self._names, self._landmarks_px = folder, images.names, images.landmarks_px
        self.identities = ()
        self.labels = np.full(len(images.names), UNLABELLED)
        _check_images(folder, images.names, listed_in)

    def image(self, index: int) -> UInt8[np.ndarray, "112 112 3"]:
        pixels = read_image(self.folder / self.name(index))
        try:
            return align_face(pixels, self._landmarks_px[index])
        except NoFace as error:
            raise UnreadableImage(f"{self.folder / self.name(index)}: {error}") from None

    def name(self, index: int) -> str:
        return os.fsdecode(self._names[index])

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"]:
        """In the aligned crop."""
        return crop_points(self._landmarks_px[index])


def _check_images(folder: Path, names: np.ndarray, listed_in: Path) -> None:
    """All of them at once: a look at the folder's list is quicker than half a million questions."""
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}, where the loosely cropped images belong.")
    there = _files(folder, names)
    missing = [line for line, name in enumerate(names.tolist(), 1) if name not in there]
    if missing:
        first = os.fsdecode(names[missing[0] - 1])
        raise UserError(
            f"{listed_in}, line {missing[0]}: there is no image {folder / first}; {len(missing)} of {len(names)} "
            "listed images are missing."
        )


def _files(folder: Path, names: np.ndarray) -> set[bytes]:
    parents = {os.path.dirname(name) for name in names.tolist()}
    return {
        os.path.join(parent, entry) if parent else entry
        for parent in parents
        if (folder / os.fsdecode(parent)).is_dir()
        for entry in os.listdir(os.fsencode(folder / os.fsdecode(parent)))
    }
