"""A calibrated package that knows drawn people, and visitors whom nobody has seen."""

from pathlib import Path

import cv2
import pytest
from student import learned, people

from facedistill.data.folder import FolderFaces
from facedistill.data.synthetic import DrawnFaces
from facedistill.export.export import Wanted, export
from facedistill.export.package import Package, open_package
from facedistill.export.threshold import calibrate

FMR = 5e-2
"""Few strangers support no rarer one."""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """In fp32 and int8, with thresholds from people that the student was not trained on."""
    root = tmp_path_factory.mktemp("served")
    strangers = FolderFaces(written(people(1, identities=14), root / "strangers"))
    nobody = FolderFaces(strangers.root, labelled=False)  # so few people that TAR jumps with the last bit
    wanted = Wanted(precisions=("fp32", "int8"), faces=nobody, calibration=nobody, crops=len(nobody))
    export(learned(), {"name": "linear"}, root / "package", wanted)
    opened = open_package(root / "package")
    assert len(opened.files) == 2, "both pass their gates"
    found = {name: calibrate(opened.open(name), strangers, opened.size_px, FMR, replicates=20) for name in opened.files}
    return opened.calibrated(found)


@pytest.fixture(scope="session")
def visitors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops of people that nobody has seen, a folder per person, larger than the student takes them."""
    return written(people(3, identities=4, size_px=64), tmp_path_factory.mktemp("visitors"))


def written(faces: DrawnFaces, root: Path) -> Path:
    for index in range(len(faces)):
        file = root / f"{faces.name(index)}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR))
    return root
