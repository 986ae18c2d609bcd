"""Class means against a plain loop over files."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from facedistill.data.contract import AbstractFaces
from facedistill.data.folder import FolderFaces
from facedistill.data.mixed import Mixed
from facedistill.teachers.class_means import class_means
from facedistill.teachers.contract import AbstractTeacher
from facedistill.teachers.live import Live
from facedistill.teachers.prompted import Prompted

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_teacher(tmp_path_factory.mktemp("means") / "teacher")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> AbstractFaces:
    root = tmp_path_factory.mktemp("faces")
    labelled = FolderFaces(tiny.write_faces(root / "known", identities=3, images=3))
    return Mixed(labelled, [FolderFaces(tiny.write_faces(root / "strangers", identities=2, seed=4), labelled=False)])


def means(teacher: AbstractTeacher, faces: AbstractFaces, batch: int = 4) -> tuple[np.ndarray, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    found = class_means(teacher, faces, device=CPU, batch=batch, progress=lambda done, of: told.append((done, of)))
    return found.numpy(), told


def test_they_are_those_of_a_plain_loop(weights: Path, faces: AbstractFaces) -> None:
    teacher = Live(weights=weights)
    sums = np.zeros((3, 12))
    for index, label in enumerate(faces.labels):
        if label < 0:
            continue
        pixels = np.ascontiguousarray(faces.image(index).transpose(2, 0, 1))
        both = np.stack([pixels, pixels[:, :, ::-1]])
        seen = teacher.reference(torch.from_numpy(both)).double().numpy().sum(0)
        sums[label] += seen / np.linalg.norm(seen)
    expected = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    found, told = means(teacher, faces)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert told[-1] == (17, 17), "9 labelled and 8 others are done"
    np.testing.assert_allclose(means(teacher, faces, batch=5)[0], found, atol=1e-6)


def test_a_prompted_teachers_are_those_of_its_trunk(weights: Path, faces: AbstractFaces) -> None:
    prompted = Prompted(weights=weights, count=3)
    with torch.no_grad():
        for prompt in prompted.prompts.values():
            prompt.add_(5.0)
    np.testing.assert_array_equal(means(prompted, faces)[0], means(Live(weights=weights), faces)[0])
