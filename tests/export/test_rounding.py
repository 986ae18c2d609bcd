"""What training rounds for eight bits, and what an export writes, is one arithmetic."""

from pathlib import Path

import numpy as np
import torch
from tiny import recipe, write_faces, write_teacher

from facedistill.backbones.contract import AbstractBackbone
from facedistill.backbones.load import load_backbone, save_backbone
from facedistill.data.folder import FolderFaces
from facedistill.export.contract import Graphs, prepared
from facedistill.export.gate import GATES, Agreement, agreement
from facedistill.export.integers import Calibrated
from facedistill.export.parity import see
from facedistill.export.prelu import for_integers
from facedistill.export.session import run
from facedistill.train.continued import quantising
from facedistill.train.eight_bits import EightBits
from facedistill.train.run import fit


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


def integers_of(folder: Path, faces: Path) -> Agreement:
    """What is left of a run's student when all of it is integers."""
    network = load_backbone(folder).eval()
    crops = see(network, FolderFaces(faces), 48)
    graphs, pixels = Graphs(network, crops.pixels), prepared(network.preprocess, crops.pixels)
    model = Calibrated(for_integers(graphs.traced), pixels[::2]).quantised()
    return agreement(crops.wanted, run(model, {"pixels": pixels}))


def test_what_integers_lose_is_learned_back(tmp_path: Path) -> None:
    """One channel sixty times as large as the others leaves those a few steps of the scale."""
    faces = write_faces(tmp_path / "faces", identities=12)
    teacher = {"live": {"weights": str(write_teacher(tmp_path / "teacher"))}}
    began = tmp_path / "run"
    fit(recipe(faces, began, teacher=teacher, method={"cosine": {}}, weights={"cosine.embedding": 5.0}))
    network = load_backbone(began)
    with torch.no_grad():
        for tensor in (network.body[1].weight, network.body[1].bias):
            tensor[0] *= 60
        network.out.weight.view(8, 8, 16)[:, 0] /= 60
    save_backbone(network, "tiny.net", began / "model.safetensors")
    assert not GATES["int8"].passes(integers_of(began, faces))
    fit(quantising(began, ["training.epochs=20", "optimiser.sgd.lr=0.02"]))
    assert GATES["int8"].passes(integers_of(tmp_path / "run_int8", faces))
