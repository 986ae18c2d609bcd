"""The two ways to know where a face is: a detector looks for it, or a file says so."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ..data.landmarks import read_landmarks
from ..errors import UserError
from .choose import Several, choose
from .contract import AbstractLocator, Face, NoFace
from .detector import YuNet


class DetectedFaces(AbstractLocator):
    """A detector's faces, of which one is chosen."""

    def __init__(self, detector: YuNet, *, several: Several = Several.LARGEST, min_face_px: int = 10) -> None:
        """``min_face_px`` is the least shorter side of a face's box; 10 is where YuNet's range begins."""
        self._detector, self._several, self._min_face_px = detector, several, min_face_px

    def locate(self, name: str, photograph: UInt8[np.ndarray, "H W 3"]) -> Face:
        height, width, _ = photograph.shape
        faces = self._detector.faces(photograph)
        return choose(faces, (width, height), several=self._several, min_face_px=self._min_face_px)

    def settings(self) -> dict[str, Any]:
        detector = self._detector
        return {
            "detector_sha256": detector.sha256,
            "min_score": detector.min_score,
            "longest_px": detector.longest_px,
            "several": self._several.value,
            "min_face_px": self._min_face_px,
        }


class GivenLandmarks(AbstractLocator):
    """Points from a file such as ``landmarks.csv``, in the pixels of the photographs, upright as EXIF says.

    Raises:
        UserError: the file is missing, or is not a list of landmarks.
    """

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise UserError(f"There is no file {file}; give a CSV file with path and five points.")
        self._points_px, self._file = read_landmarks(file), file

    def locate(self, name: str, photograph: UInt8[np.ndarray, "H W 3"]) -> Face:
        if name not in self._points_px:
            raise NoFace(f"{self._file.name} has no row for it")
        return Face(self._points_px[name])

    def settings(self) -> dict[str, Any]:
        return {"landmarks_sha256": hashlib.sha256(self._file.read_bytes()).hexdigest()}
