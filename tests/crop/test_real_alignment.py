"""Real photographs: the crops that the field measures LFW with, from the photographs that they were cut from."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facedistill.crop import DetectedFaces, Output, Several, YuNet, align_folder
from facedistill.crop.output import Format
from facedistill.data.codec import read_image
from facedistill.data.folder import FolderFaces
from facedistill.data.landmarks import read_landmarks

pytestmark = pytest.mark.real


@pytest.fixture
def weights(shared: Path) -> Path:
    return shared / "models" / "yunet_n_640_640.onnx"


def errors(crops: Path, reference: Path) -> tuple[list[float], list[float]]:
    """By crop: mean distance of the five points in crop pixels, mean absolute difference in grey levels."""
    own, known = read_landmarks(crops / "landmarks.csv"), read_landmarks(reference / "landmarks.csv")
    points = [float(np.linalg.norm(own[path] - known[path], axis=1).mean()) for path in own]
    pixels = [np.abs(read_image(crops / path).astype(int) - read_image(reference / path)).mean() for path in own]
    return points, pixels


@pytest.mark.parametrize("several", [Several.LARGEST, Several.CENTRAL])
def test_lfw_is_cropped_as_its_crops_were(shared: Path, weights: Path, tmp_path: Path, several: Several) -> None:
    faces = shared / "faces"
    locator = DetectedFaces(YuNet(weights), several=several)
    summary = align_folder(faces / "lfw_raw", tmp_path / "crops", locator)
    assert (summary.photographs, summary.aligned) == (60, 60)
    points, pixels = errors(tmp_path / "crops", faces / "lfw")
    assert max(points) < 0.02
    assert np.mean(pixels) < 1
    assert max(pixels) < 1.5


def test_a_large_photograph_gives_nearly_the_same_crop(shared: Path, weights: Path, tmp_path: Path) -> None:
    """Enlarged six times, and shrunk to its own size to be searched."""
    faces = shared / "faces"
    photographs = FolderFaces(faces / "lfw_raw", labelled=False)
    for index in range(5):
        file = (tmp_path / "large" / photographs.name(index)).with_suffix(".png")
        file.parent.mkdir(parents=True)
        large = np.kron(photographs.image(index), np.ones((6, 6, 1), np.uint8))
        cv2.imwrite(str(file), cv2.cvtColor(large, cv2.COLOR_RGB2BGR))
    locator = DetectedFaces(YuNet(weights, longest_px=250))
    out = tmp_path / "crops"
    assert align_folder(tmp_path / "large", out, locator, output=Output(format=Format.JPG)).aligned == 5
    points, pixels = errors(out, faces / "lfw")
    assert max(points) < 0.02
    assert max(pixels) < 6, "no more than the blocks that enlarging made"
