"""The faces to look with, and their mean: the only picture of them that is ever written."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ..data.contract import AbstractFaces
from ..data.evenly import evenly
from ..data.subset import Subset
from ..data.verified import Verified
from ..errors import UserError
from .receptive_field import CROP_PX

LEAST_FACES = 32
"""Below, a mean would still show somebody."""
LEAST_PEOPLE = 16


def sample(faces: AbstractFaces, count: int) -> UInt8[Tensor, "N 3 S S"]:
    """``count`` faces, spread evenly over the set and shuffled, so that every batch is a mixture.

    Raises:
        UserError: too few faces or people for a mean that shows nobody.
    """
    chosen = evenly(len(faces), count)
    count = len(chosen)
    people = len(np.unique(faces.labels[chosen])) if len(faces.identities) else LEAST_PEOPLE
    if count < LEAST_FACES or people < LEAST_PEOPLE:
        raise UserError(
            f"These are {count} faces of {people} people; a mean face that shows nobody needs at least {LEAST_FACES} "
            f"of {LEAST_PEOPLE}: give more, or leave out --faces to use drawn ones."
        )
    shown = Verified(Subset(faces, np.random.default_rng(0).permutation(chosen)), size_px=CROP_PX)
    return torch.from_numpy(np.stack([shown.image(index) for index in range(count)])).permute(0, 3, 1, 2)


def mean_face(images: UInt8[Tensor, "N 3 S S"]) -> Float[np.ndarray, "S S"]:
    """Grey, 0 to 1."""
    mean: Float[np.ndarray, "S S"] = (images.float().mean((0, 1)) / 255).numpy()
    return mean
