"""Feature maps of two networks with other grids and channels, for the methods that compare them."""

import numpy as np
import torch
from made_up import arrays, batch, seen

from facedistill.align.grid import Regrid
from facedistill.types import Spec, Stage

STUDENT = Spec(8, (Stage(3, (6, 6)), Stage(5, (3, 3))))
TEACHER = Spec(8, (Stage(4, (4, 4)), Stage(2, (4, 4))))
MAPS = arrays((2, 3, 6, 6), (2, 5, 3, 3), (2, 4, 4, 4), (2, 2, 4, 4))
OWN, WANTED = MAPS[:2], MAPS[2:]


def answers(method, own=OWN, wanted=WANTED):
    """The method's terms; it reads no embedding."""
    nothing = np.full((2, 8), np.nan)
    terms = method(seen(nothing, *own), seen(nothing, *wanted), batch(2))
    return {name: term.item() for name, term in terms.items()}


def at_every_cell(layer, stage):
    """What a 1x1 convolution says, by loops over cells."""
    weight = layer.weight.detach().numpy()[:, :, 0, 0]
    bias = 0 if layer.bias is None else layer.bias.detach().numpy()
    height, width = stage.shape[2:]
    out = np.zeros((len(stage), len(weight), height, width))
    for image, y, x in np.ndindex(len(stage), height, width):
        out[image, :, y, x] = weight @ stage[image, :, y, x] + bias
    return out


def moved(stage, source, source_stage, target, target_stage):
    """The map on another grid; ``tests/align/test_grid.py`` has the places."""
    return Regrid(source, source_stage, target, target_stage)(torch.tensor(stage)).numpy()
