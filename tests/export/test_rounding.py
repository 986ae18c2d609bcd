"""What training rounds for eight bits, and what an export writes, is one arithmetic."""

import numpy as np
import torch

from facedistill.backbones.contract import AbstractBackbone
from facedistill.export.contract import Graphs, prepared
from facedistill.export.session import run
from facedistill.train.eight_bits import EightBits


def test_training_rounds_as_the_exported_integers_do(graphs: Graphs, student: AbstractBackbone) -> None:
    pixels = prepared(student.preprocess, graphs.calibration)
    integers = run(graphs.quantised.core, {"pixels": pixels})
    eight = EightBits(student)
    with torch.no_grad():
        with eight.rounding():
            student.features(torch.from_numpy(pixels[::2]))  # the half that sets ranges
        eight.eval()
        with eight.rounding():
            rounded = student.features(torch.from_numpy(pixels)).embedding.numpy()
        plain = student.features(torch.from_numpy(pixels)).embedding.numpy()
    assert np.abs(plain - integers).mean() > 0.01, "eight bits can be told from floats"
    assert np.abs(rounded - integers).mean() < 0.5 * np.abs(plain - integers).mean()
