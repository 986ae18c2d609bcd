"""YuNet, a small face detector with five landmarks. Wu, Peng, Yu 2023, Machine Intelligence Research 20, 656-665.

OpenCV runs it (``FaceDetectorYN``); its users bring the ONNX file.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from ..errors import UserError
from .contract import Face

OVERLAP = 0.3
"""Of two boxes with a larger intersection over union the better one stays (the public demonstration's value)."""

CANDIDATES = 5000
"""Boxes that enter this comparison, best first (the same source)."""


class Box(NamedTuple):
    """Upper left corner and sides in the photograph's pixels."""

    x: float
    y: float
    width: float
    height: float


class DetectedFace(NamedTuple):
    """A face, and the box round it."""

    face: Face
    box_px: Box


class YuNet:
    """Finds faces; several threads may ask at once.

    A photograph whose longer side is over ``longest_px`` is shrunk to it by area averaging, and what was found is
    scaled back; a smaller one is taken as it is, since enlarging moves the points. YuNet was trained on faces of 10 to
    300 px, and the points of much larger ones are worse.

    Raises:
        UserError: there is no such file, or it is not a YuNet.
    """

    def __init__(self, file: Path, *, min_score: float = 0.6, longest_px: int = 640) -> None:
        if not file.is_file():
            raise UserError(f"There is no detector {file}; give the ONNX file of a YuNet.")
        weights = file.read_bytes()
        self.sha256 = hashlib.sha256(weights).hexdigest()
        self.min_score, self.longest_px = min_score, longest_px
        self._own = _Own(np.frombuffer(weights, np.uint8), min_score)
        try:
            with _silence():
                self._own.network.detect(np.zeros((64, 64, 3), np.uint8))
        except cv2.error:
            raise UserError(f"{file} is not a YuNet that OpenCV can read; give the ONNX file of one.") from None

    def faces(self, photograph: UInt8[np.ndarray, "H W 3"]) -> list[DetectedFace]:
        """Every face of an RGB photograph with at least ``min_score``, best first."""
        shrunk = _shrink(photograph, self.longest_px)
        network = self._own.network
        network.setInputSize(shrunk.shape[1::-1])
        _, rows = network.detect(cv2.cvtColor(shrunk, cv2.COLOR_RGB2BGR))
        ratio = np.array(photograph.shape[1::-1]) / shrunk.shape[1::-1]
        return [] if rows is None else [_scaled_back(row.astype(np.float64), ratio) for row in rows]


class _Own(threading.local):
    """A network for every thread, made when the thread first asks: OpenCV's keep their layers' results inside."""

    def __init__(self, weights: UInt8[np.ndarray, " N"], min_score: float) -> None:
        self._arguments = weights, min_score
        self._network: Any = None

    @property
    def network(self) -> Any:
        if self._network is None:
            weights, min_score = self._arguments
            none = np.empty(0, np.uint8)
            self._network = cv2.FaceDetectorYN.create("onnx", weights, none, (64, 64), min_score, OVERLAP, CANDIDATES)
        return self._network


@contextmanager
def _silence() -> Iterator[None]:
    """OpenCV writes to stderr what its exception says anyhow."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _shrink(photograph: UInt8[np.ndarray, "H W 3"], longest_px: int) -> UInt8[np.ndarray, "h w 3"]:
    height, width, _ = photograph.shape
    ratio = longest_px / max(height, width)
    if ratio >= 1:
        return photograph
    sides = max(1, round(width * ratio)), max(1, round(height * ratio))
    return cv2.resize(photograph, sides, interpolation=cv2.INTER_AREA)


def _scaled_back(row: Float[np.ndarray, "15"], ratio: Float[np.ndarray, "2"]) -> DetectedFace:
    """A row is x, y, width, height, five points and the score; pixel centres have whole numbers before and after."""
    corner, sides, points = row[:2], row[2:4], row[4:14].reshape(5, 2)
    points_px = (points + 0.5) * ratio - 0.5
    return DetectedFace(Face(points_px, float(row[14])), Box(*(corner * ratio).tolist(), *(sides * ratio).tolist()))
