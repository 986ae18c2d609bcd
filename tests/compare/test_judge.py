"""Who judges a comparison: people kept out of training, a teacher's gallery, coarser pictures; against plain loops."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny
import torch

from facedistill.backbones.load import load_backbone
from facedistill.compare.benchmarks import open_benchmarks
from facedistill.compare.gallery import Gallery
from facedistill.compare.judge import Judge, Sides
from facedistill.compare.plan import plan
from facedistill.compare.run import compare
from facedistill.data.folder import FolderFaces
from facedistill.errors import UserError
from facedistill.evaluate.embeddings import lengths
from facedistill.evaluate.settings import Settings
from facedistill.protocols.verification import Verification

FAR = 0.1
WIDE = {"tiny.net": {"embedding": 12}}


def unit(network: Path, faces: FolderFaces, px: int | None = None) -> np.ndarray:
    """Embeddings of every image and its mirror image, summed."""
    model = load_backbone(network).eval()
    images = [faces.image(index) for index in range(len(faces))]
    if px is not None:
        small = [cv2.resize(image, (px, px), interpolation=cv2.INTER_AREA) for image in images]
        images = [cv2.resize(image, (tiny.SIZE_PX,) * 2, interpolation=cv2.INTER_LINEAR) for image in small]
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    with torch.no_grad():
        both = model(pixels).embedding.double() + model(pixels.flip(-1)).embedding.double()
    return torch.nn.functional.normalize(both).numpy()


def tar(query: np.ndarray, gallery: np.ndarray, labels: np.ndarray) -> float:
    """Over all ordered pairs of two images: share of genuine ones above the threshold that lets FAR through."""
    pairs = [(i, j) for i in range(len(labels)) for j in range(len(labels)) if i != j]
    genuine = [float(query[i] @ gallery[j]) for i, j in pairs if labels[i] == labels[j]]
    impostor = sorted((float(query[i] @ gallery[j]) for i, j in pairs if labels[i] != labels[j]), reverse=True)
    threshold = impostor[int(FAR * len(impostor))]
    return sum(score > threshold for score in genuine) / len(genuine)


def test_sides_are_those_of_plain_loops(tmp_path: Path) -> None:
    faces = FolderFaces(tiny.write_faces(tmp_path / "faces", identities=5))
    teacher, student = (tiny.write_teacher(tmp_path / name, WIDE, seed=seed) for seed, name in enumerate("ts"))
    sides = Sides(Gallery(teacher / "model.safetensors"), (4,))
    settings = Settings(fars=(FAR, 0.2), replicates=5)
    judge = Judge({"faces": Verification(faces, None)}, settings, tmp_path / "embeddings", sides)
    judged = judge({"s": student}, torch.device("cpu"))["s"]
    assert judged.names == (
        "TAR at FAR 0.1", "TAR at FAR 0.2", "TAR at FAR 0.1, teacher's gallery", "TAR at FAR 0.1, query at 4 px",
    )  # fmt: skip
    own = unit(student, faces)
    expected = [tar(own, unit(teacher, faces), faces.labels), tar(unit(student, faces, 4), own, faces.labels)]
    assert judged.replicates.everyone[2:] == pytest.approx(expected)
    assert expected[0] != expected[1], "or the test could not tell them apart"


def test_odd_lengths_are_told_with_their_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = FolderFaces(tiny.write_faces(tmp_path / "faces", identities=5))
    network = tiny.write_teacher(tmp_path / "net", WIDE)
    judge = Judge({"faces": Verification(faces, None)}, Settings(fars=(FAR,), replicates=5), tmp_path / "embeddings")
    assert judge({"net": network}, torch.device("cpu"))["net"].warnings == ()
    monkeypatch.setattr(lengths, "TIMES_MEDIAN", 0)
    (told,) = judge({"net": network}, torch.device("cpu"))["net"].warnings
    assert told.startswith(f"faces: {len(faces)} of {len(faces)} embeddings")


def test_a_comparison_tells_its_sides(write, commands: list, tmp_path: Path) -> None:
    judge = {"benchmarks": {"strangers": str(tmp_path / "strangers")}, "fars": [FAR], "replicates": 5}
    sides = {"gallery": "new", "resolutions_px": [8]}
    teachers = {"new": {"recipe": str(tmp_path / "base.yaml")}}
    table = compare(write(judge={**judge, **sides}, teachers=teachers))
    names = ["TAR at FAR 0.1", "TAR at FAR 0.1, teacher's gallery", "TAR at FAR 0.1, query at 8 px"]
    assert [list(line.cells) for line in table] == [names, names], "labels, whom nobody teaches, are judged so as well"
    told = (tmp_path / "out" / "table.md").read_text()
    assert "images that teacher new enrolled" in told
    assert "shrunk" in told


def test_a_gallery_that_never_came_is_left_out(write, commands: list, tmp_path: Path) -> None:
    judge = {"benchmarks": {"strangers": str(tmp_path / "strangers")}, "fars": [FAR], "replicates": 5, "gallery": "t"}
    broken = {"recipe": str(tmp_path / "base.yaml"), "changes": {"data": {"root": str(tmp_path / "nowhere")}}}
    labels, cosine = compare(write(judge=judge, teachers={"t": broken}))
    assert list(labels.cells) == ["TAR at FAR 0.1"]
    assert "its teacher failed" in cosine.failed[0]


def test_people_kept_out_of_training_judge(write, tmp_path: Path) -> None:
    tiny.write_faces(tmp_path / "many", identities=25, images=2)
    data = {"root": str(tmp_path / "many"), "validation_identities": 20}
    comparison = write(changes={"data": data}, judge={"validation": True})
    opened = open_benchmarks(comparison.judge, plan(comparison))
    assert list(opened) == ["validation"]
    assert len(opened["validation"].faces.identities) == 20


SNAPSHOTS = {"rows": {"a": {"teacher": "snapshots", "method": "cosine"}}, "teachers": {"t": {"weights": ["a", "b"]}}}
UNASKED = {"rows": {"a": {}}, "teachers": {"t": {"recipe": "demo_teacher"}}}


@pytest.mark.parametrize(
    ("judge", "changes", "sentence"),
    [
        ({}, {}, "validation_identities a number"),
        ({}, {"changes": {"data": {"validation_identities": 3}}}, "need 20 people"),
        ({"gallery": "od"}, {}, "'od' in judge.gallery; did you mean 'old'"),
        ({"resolutions_px": [0]}, {}, r"resolutions_px\.0' cannot be 0"),
        ({"gallery": "old"}, {}, "are 12 wide, and student 'tiny.net' answers 8"),
        ({"gallery": "t"}, SNAPSHOTS, "no single"),
        ({"gallery": "t"}, UNASKED, "which no row learns from"),
    ],
)
def test_who_cannot_judge_is_refused(write, judge: dict, changes: dict, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        compare(write(judge={"validation": True, **judge}, **changes))
    assert not (tmp_path / "out").exists()


def test_a_benchmark_without_queries_is_refused(write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Verification, "measure_between")
    benchmarks = {"strangers": str(tmp_path / "strangers")}
    with pytest.raises(UserError, match="'strangers' knows no queries and no gallery"):
        compare(write(judge={"benchmarks": benchmarks, "resolutions_px": [8]}))
