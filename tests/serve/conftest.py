"""A calibrated package that knows drawn people, and visitors whom nobody has seen."""

from pathlib import Path

import cv2
import pytest
from student import learned, people

from facedistill.export.export import Wanted, export
from facedistill.export.package import Package, open_package
from facedistill.export.threshold import calibrate

FMR = 1e-2


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """In fp32 and int8, with thresholds from people that the student was not trained on."""
    folder = tmp_path_factory.mktemp("served") / "package"
    strangers = people(1)
    wanted = Wanted(precisions=("fp32", "int8"), faces=strangers, calibration=people(2), crops=len(strangers))
    export(learned(), {"name": "linear"}, folder, wanted)
    opened = open_package(folder)
    assert len(opened.files) == 2, "both pass their gates"
    found = {name: calibrate(opened.open(name), strangers, opened.size_px, FMR, replicates=30) for name in opened.files}
    return opened.calibrated(found)


@pytest.fixture(scope="session")
def visitors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops of people that nobody has seen, a folder per person, larger than the student takes them."""
    root, faces = tmp_path_factory.mktemp("visitors"), people(3, identities=4, size_px=64)
    for index in range(len(faces)):
        file = root / f"{faces.name(index)}.png"
        file.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(file), cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR))
    return root
