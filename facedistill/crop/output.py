"""What a crop is as a file."""

from enum import Enum
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from jaxtyping import UInt8

from ..errors import UserError
from ..files import write_whole


class Format(str, Enum):
    """File formats of crops."""

    JPG = "jpg"
    PNG = "png"


class Output:
    """Side, format and quality of the crops that are written."""

    def __init__(self, *, size_px: int = 112, format: Format = Format.JPG, quality: int = 95) -> None:
        """``quality`` is JPEG's, 1 to 100; PNG loses nothing.

        Raises:
            UserError: a number is out of range.
        """
        if size_px < 16:
            raise UserError(f"A crop needs a side of at least 16 px, not {size_px}.")
        if not 1 <= quality <= 100:
            raise UserError(f"JPEG's quality goes from 1 to 100; {quality} is outside.")
        self.size_px, self._format, self._quality = size_px, format, quality

    def name(self, photograph: str) -> str:
        """The crop's path below its folder: the photograph's, but for the ending."""
        return str(PurePosixPath(photograph).with_suffix(f".{self._format.value}"))

    def write(self, crop: UInt8[np.ndarray, "S S 3"], file: Path) -> None:
        """Writes the file whole, or not at all."""
        _, data = cv2.imencode(f".{self._format.value}", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), self._options())
        write_whole(file, data.tobytes())

    def settings(self) -> dict[str, str | int]:
        """As ``AbstractLocator.settings``."""
        return {"size_px": self.size_px, "format": self._format.value, "quality": self._quality}

    def _options(self) -> list[int]:
        return {Format.JPG: [cv2.IMWRITE_JPEG_QUALITY, self._quality], Format.PNG: []}[self._format]
