"""A student that knows drawn people after a second: linear discriminants of their pixels (Fisher 1936)."""

import numpy as np
import torch
from torch import Tensor, nn

from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.data.synthetic import DrawnFaces
from facedistill.types import Features

SIZE_PX = 16
PEOPLE, PICTURES = 24, 3
_KEPT, _WIDTH = 30, 20
"""Principal components before the discriminants, and how many of those."""


def people(seed: int, *, identities: int = PEOPLE, size_px: int = SIZE_PX) -> DrawnFaces:
    """Others with every seed, in nearly frontal portraits."""
    return DrawnFaces(identities=identities, images_per_identity=PICTURES, seed=seed, size_px=size_px, hardness=0.2)


class Linear(AbstractBackbone):
    """One matrix."""

    def __init__(self, matrix: np.ndarray, bias: np.ndarray) -> None:
        super().__init__(Preprocess(SIZE_PX))
        self.out = nn.Linear(*matrix.shape)
        self.out.weight.data = torch.from_numpy(matrix.T).float().contiguous()
        self.out.bias.data = torch.from_numpy(bias).float()

    def features(self, pixels: Tensor) -> Features:
        return Features(self.out(pixels.flatten(1)))


def learned(seed: int = 0) -> Linear:
    """The student of the people of a seed."""
    faces = people(seed)
    pixels = np.stack([faces.image(i).transpose(2, 0, 1) for i in range(len(faces))]) / 127.5 - 1.0
    rows = pixels.reshape(len(faces), -1)
    mean = rows.mean(0)
    components = np.linalg.svd(rows - mean, full_matrices=False)[2][:_KEPT].T
    by_person = ((rows - mean) @ components).reshape(PEOPLE, PICTURES, -1)
    within = (by_person - by_person.mean(1, keepdims=True)).reshape(len(rows), -1)
    spread = within.T @ within / (PEOPLE * (PICTURES - 1)) + 0.1 * np.eye(_KEPT)
    whitened = np.linalg.inv(np.linalg.cholesky(spread)).T
    between = np.linalg.svd(by_person.mean(1) @ whitened, full_matrices=False)[2][:_WIDTH].T
    matrix = components @ whitened @ between
    return Linear(matrix, -mean @ matrix)
