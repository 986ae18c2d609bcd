"""Which of several faces in a photograph is the one."""

import math
from collections.abc import Callable, Sequence
from enum import Enum

from .contract import Face, NoFace, SeveralFaces
from .detector import Box, DetectedFace

Size = tuple[int, int]
"""Width and height of a photograph in pixels."""


class Several(str, Enum):
    """What to do where a photograph shows several faces."""

    LARGEST = "largest"
    """Take the box with the largest area."""
    CENTRAL = "central"
    """Take the box whose middle is nearest to the photograph's."""
    ERROR = "error"
    """Take none."""


def choose(faces: Sequence[DetectedFace], size_px: Size, *, several: Several, min_face_px: int) -> Face:
    """The one face among those whose shorter side has at least ``min_face_px``.

    Raises:
        NoFace: none is left.
        SeveralFaces: more than one is, and ``several`` is ``ERROR``.
    """
    if not faces:
        raise NoFace("no face was found")
    large = [found for found in faces if min(found.box_px.width, found.box_px.height) >= min_face_px]
    if not large:
        raise NoFace(f"no face of at least {min_face_px} px was found, only smaller ones")
    return large[0].face if len(large) == 1 else _RULES[several](large, size_px).face


def _largest(faces: Sequence[DetectedFace], size_px: Size) -> DetectedFace:
    return max(faces, key=lambda found: found.box_px.width * found.box_px.height)


def _central(faces: Sequence[DetectedFace], size_px: Size) -> DetectedFace:
    return min(faces, key=lambda found: _from_middle(found.box_px, size_px))


def _refuse(faces: Sequence[DetectedFace], size_px: Size) -> DetectedFace:
    raise SeveralFaces(f"it shows {len(faces)} faces")


def _from_middle(box: Box, size_px: Size) -> float:
    return math.hypot(box.x + box.width / 2 - size_px[0] / 2, box.y + box.height / 2 - size_px[1] / 2)


_RULES: dict[Several, Callable[[Sequence[DetectedFace], Size], DetectedFace]] = {
    Several.LARGEST: _largest,
    Several.CENTRAL: _central,
    Several.ERROR: _refuse,
}
