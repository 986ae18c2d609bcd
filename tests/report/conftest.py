"""A run small enough to train in a blink, taught by another, and what a report finds of it."""

from pathlib import Path

import cv2
import pytest
import tiny

from facedistill.data.folder import FolderFaces
from facedistill.data.synthetic import DrawnFaces
from facedistill.evaluate.settings import Settings
from facedistill.export.export import Wanted, export
from facedistill.export.package import Package, open_package
from facedistill.files import file_digest
from facedistill.report.findings import Beside, Findings, examine
from facedistill.report.people import People, drawn_people, people_at
from facedistill.report.run import FinishedRun, open_run
from facedistill.teachers.live import open_network
from facedistill.train.run import fit

SETTINGS = Settings(fars=(0.1, 0.02), replicates=12)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where runs and faces lie."""
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="session")
def run(place: Path) -> FinishedRun:
    """Taught by a teacher, with looks at people kept out of training."""
    faces = tiny.write_faces(place / "faces", identities=8)
    teacher = tiny.write_teacher(place / "teacher")
    lesson = {"teacher": {"live": {"weights": str(teacher)}}, "method": "cosine", "weights": {"cosine.embedding": 2}}
    data = {"root": faces, "validation_identities": 2}
    fit(tiny.recipe(faces, place / "taught", **lesson, model={"tiny.net": {"embedding": 12}}, data=data))
    return open_run(place / "taught")


@pytest.fixture(scope="session")
def other(place: Path, run: FinishedRun) -> Path:
    """Learned from labels only."""
    fit(tiny.recipe(place / "faces", place / "labels", training={"epochs": 1}))
    return place / "labels"


@pytest.fixture(scope="session")
def package(place: Path, run: FinishedRun, strangers: Path) -> Package:
    """Exported from the run."""
    nobody = FolderFaces(strangers, labelled=False)  # so few people that TAR would jump with the last bit
    source = {"name": "taught", "sha256": file_digest(run.weights)}
    wanted = Wanted(precisions=("fp32", "int8"), faces=nobody, calibration=nobody, crops=len(nobody))
    export(open_network(run.weights), source, place / "package", wanted)
    return open_package(place / "package")


@pytest.fixture(scope="session")
def drawn() -> People:
    return drawn_people(DrawnFaces(identities=20, images_per_identity=3, seed=5, size_px=16, hardness=0.2))


@pytest.fixture(scope="session")
def strangers(place: Path) -> Path:
    """A folder of people in two groups, who stand for real ones: what is in it must not be shown unasked."""
    faces = DrawnFaces(identities=20, images_per_identity=3, seed=6, size_px=24, hardness=0.2)
    lines = ["path,group"]
    for index in range(len(faces)):
        file = place / "strangers" / f"{faces.name(index)}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR))
        lines.append(f"{faces.name(index)}.png,{'old' if faces.labels[index] % 2 else 'young'}")
    (place / "strangers" / "groups.csv").write_text("\n".join(lines) + "\n")
    return place / "strangers"


@pytest.fixture(scope="session")
def findings(run: FinishedRun, other: Path, package: Package, drawn: People) -> Findings:
    """On drawn people, beside everything."""
    return examine(run, drawn, Beside(other, package), lambda *_: None, SETTINGS)


@pytest.fixture(scope="session")
def of_folder(run: FinishedRun, strangers: Path) -> Findings:
    """On the people of a folder, with groups."""
    return examine(run, people_at(strangers), Beside(), lambda *_: None, SETTINGS)
