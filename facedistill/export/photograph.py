"""From an image file to the crop that a student takes: bounded, and with exactly one face."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from ..backbones.contract import Preprocess
from ..crop import AbstractLocator, NoFace, align_face
from ..data.codec import read_image
from ..data.contract import UnreadableImage
from ..errors import UserError

LARGEST_BYTES = 10 << 20
"""No photograph of a face needs more; a file that has is not read."""

ALIGNED_PX = 112
"""Side of the aligned crop, which is then shrunk as the student was trained."""


def crop_of(file: Path, locator: AbstractLocator | None, size_px: int) -> UInt8[np.ndarray, "S S 3"]:
    """The face of a photograph, or with no locator a crop that is aligned already, at ``size_px``.

    Raises:
        UserError: a file that cannot be read or is too large; no face, or several; a crop that is not square.
    """
    image = _read(file)
    if locator is not None:
        try:
            found = locator.locate(file.name, image)
            image = align_face(image, found.points_px, ALIGNED_PX)
        except NoFace as error:
            raise UserError(f"{file}: {error}; give a picture of one person.") from None
    elif image.shape[0] != image.shape[1]:
        raise UserError(
            f"{file} is {image.shape[1]} x {image.shape[0]} pixels, and an aligned crop is square; give --detector, "
            "the ONNX file of a YuNet, to find the face in a photograph."
        )
    planes = torch.from_numpy(image).permute(2, 0, 1)[None]
    shrunk = Preprocess(size_px, mean=0.0, std=1.0)(planes).round().clamp(0, 255)
    crop: np.ndarray = shrunk[0].permute(1, 2, 0).to(torch.uint8).contiguous().numpy()
    return crop


def _read(file: Path) -> UInt8[np.ndarray, "H W 3"]:
    if file.is_file() and file.stat().st_size > LARGEST_BYTES:
        raise UserError(f"{file} has more than {LARGEST_BYTES >> 20} MiB; save the photograph smaller.")
    try:
        return read_image(file)
    except UnreadableImage as error:
        raise UserError(f"{error}; give a JPEG, PNG, WebP or BMP image.") from None
