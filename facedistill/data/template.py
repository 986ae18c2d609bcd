"""The five-point ArcFace template, and the similarity transform that lays a face onto it."""

import numpy as np
from jaxtyping import Float

from ..landmarks import ARCFACE_PX

ARCFACE_TEMPLATE_PX: Float[np.ndarray, "5 2"] = np.array(ARCFACE_PX)


def template_px(size_px: int) -> Float[np.ndarray, "5 2"]:
    """The template in a square crop of another size: the same face, larger or smaller.

    Sides that 128 divides and 112 does not are the wider crops of the field (insightface): at 128 px the face is as
    large as at 112 px, 8 px further right and no lower.
    """
    if size_px % 112 and size_px % 128 == 0:
        return (ARCFACE_TEMPLATE_PX + np.array([8, 0])) * (size_px / 128)
    return ARCFACE_TEMPLATE_PX * (size_px / 112)


def similarity(source: Float[np.ndarray, "N 2"], target: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "2 3"]:
    """Rotation, one scale and shift with the least squared error from source to target (Umeyama 1991).

    In the plane the problem is linear in (a, b) of the matrix [[a, -b], [b, a]].
    """
    from_centre, to_centre = source - source.mean(0), target - target.mean(0)
    energy = (from_centre**2).sum()
    a = (from_centre * to_centre).sum() / energy
    b = (from_centre[:, 0] * to_centre[:, 1] - from_centre[:, 1] * to_centre[:, 0]).sum() / energy
    turn = np.array([[a, -b], [b, a]])
    return np.column_stack([turn, target.mean(0) - turn @ source.mean(0)])
