"""Detectors that can be had by name; everything else is a path."""

from pathlib import Path

from ..download import Pinned, fetch
from ..files import cache_folder

PINNED = {
    # Size and digest are those of the file's Git LFS pointer in the OpenCV Zoo; MIT licence.
    "yunet": Pinned(
        url="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
        size_bytes=232_589,
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    )
}


def detector_file(choice: str, *, offline: bool = False) -> Path:
    """The file behind ``--detector``: fetched into the user's cache once where it is a name of ``PINNED``.

    Raises:
        UserError, DownloadFailed: as ``download.fetch``.
    """
    pinned = PINNED.get(choice)
    return Path(choice) if pinned is None else fetch(pinned, cache_folder(), offline=offline)
