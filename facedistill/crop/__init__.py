"""Face crops from photographs: find a face's five points, and lay them onto the ArcFace template."""

from .choose import Several
from .contract import AbstractLocator, Face, NoFace, SeveralFaces
from .detector import YuNet
from .folder import Summary, align_folder
from .locate import DetectedFaces, GivenLandmarks
from .output import Output
from .warp import align_face, crop_points, five_of_68

__all__ = [
    "AbstractLocator",
    "DetectedFaces",
    "Face",
    "GivenLandmarks",
    "NoFace",
    "Output",
    "Several",
    "SeveralFaces",
    "Summary",
    "YuNet",
    "align_face",
    "align_folder",
    "crop_points",
    "five_of_68",
]
