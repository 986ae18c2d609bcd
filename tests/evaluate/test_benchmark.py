"""From folders to figures, and one network against another."""

import io
import json

import cv2
import numpy as np
import pytest
import torch
from rich.console import Console

from facedistill.data.folder import FolderFaces
from facedistill.data.pairs import read_pairs
from facedistill.errors import UserError
from facedistill.evaluate.benchmark import Beside, evaluate
from facedistill.evaluate.beside.asymmetric import asymmetric_figures
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.pairs.roc import tar_at_far
from facedistill.evaluate.pairs.scores import score_all
from facedistill.evaluate.pairs.ten_fold import ten_fold
from facedistill.evaluate.report.table import markdown, table
from facedistill.evaluate.settings import Settings
from facedistill.evaluate.validate import best_balanced_accuracy, validate
from facedistill.protocols import open_protocol
from facedistill.protocols.verification import Verification, embedding_figures

SETTINGS = Settings(fars=(0.1, 0.01), replicates=20)
PEOPLE, IMAGES = 12, 3


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Each person is a pattern; images differ by noise."""
    root = tmp_path_factory.mktemp("faces")
    generator = np.random.default_rng(0)
    for person in range(PEOPLE):
        pattern = generator.uniform(0, 255, (6, 6, 3))
        (root / f"p{person}").mkdir()
        for image in range(1, IMAGES + 1):
            pixels = (pattern + generator.normal(0, 60, (6, 6, 3))).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(root / f"p{person}" / f"p{person}_{image:04d}.png"), pixels)
    rows = [row for p in range(10) for row in (f"p{p}\t1\t2", f"p{p}\t3\tp{p + 1}\t1")]
    (root / "pairs.txt").write_text("\n".join(["10\t1", *rows]))
    return root


def pixels(images):
    return images.float().flatten(1) - 127.5


def rotated(images):
    """Another network in the same space: most of its answer agrees."""
    flat = pixels(images)
    return flat + 0.5 * flat.roll(1, dims=1)


def test_figures_are_json_and_say_their_protocol(root):
    results = evaluate(pixels, {"patterns": open_protocol(root)}, settings=SETTINGS)
    figures = json.loads(json.dumps(results, allow_nan=False))["patterns"]
    assert 0.5 < figures["accuracy"] <= 1
    assert len(figures["folds"]) == 10
    low, high = figures["accuracy_interval"]
    assert low <= figures["accuracy"] <= high
    assert figures["images"] == PEOPLE * IMAGES
    assert figures["all_pairs"] == {"genuine": 36, "impostor": 66 * 9, "identities": 12}
    assert figures["listed_pairs"] == {"genuine": 10, "impostor": 10, "identities": 11}
    assert figures["tar_at_far"]["0.1"]["supported"]
    assert not figures["tar_at_far"]["0.01"]["supported"]
    assert figures["protocol"]["embedding"].startswith("raw sum of image and mirror image")
    assert "seed 0" in figures["protocol"]["interval"]


def test_no_flip_is_another_figure_and_says_so(root):
    results = evaluate(
        pixels, {"patterns": open_protocol(root)}, settings=Settings(flip=False, fars=(0.1,), replicates=5)
    )
    assert results["patterns"]["protocol"]["embedding"].startswith("image alone")
    mean_norm = np.mean(
        [np.linalg.norm(cv2.imread(str(file)).astype(float) - 127.5) for file in sorted(root.glob("*/*.png"))]
    )
    assert results["patterns"]["xnorm"] == pytest.approx(mean_norm, rel=1e-5)


def test_a_folder_without_list_gets_all_pairs_only(root):
    figures = embedding_figures(
        Embeddings(np.random.default_rng(0).standard_normal((1, 36, 4)), np.ones(36)),
        FolderFaces(root).labels,
        None,
        SETTINGS,
    )
    assert "accuracy" not in figures
    assert "accuracy" not in figures["protocol"]
    assert set(figures["tar_at_far"]) == {"0.1", "0.01"}


def test_a_gallery_is_judged_both_ways(root):
    results = evaluate(pixels, {"patterns": open_protocol(root)}, settings=SETTINGS, beside=Beside(gallery=rotated))
    asymmetric = results["patterns"]["asymmetric"]
    assert set(asymmetric) == {
        "student",
        "teacher",
        "student_query_teacher_gallery",
        "teacher_query_student_gallery",
    }
    assert asymmetric["student"]["accuracy"] == results["patterns"]["accuracy"]
    assert asymmetric["student_query_teacher_gallery"]["all_pairs"]["impostor"] == 2 * 66 * 9
    json.dumps(results, allow_nan=False)


def test_each_way_takes_its_own_image_from_its_own_network(root):
    faces = FolderFaces(root)
    pairs = read_pairs(root, faces)
    generator = np.random.default_rng(0)
    student, teacher = (generator.standard_normal((36, 3)) for _ in range(2))
    student, teacher = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (student, teacher))
    seen, enrolled = (Embeddings.of(x[None]) for x in (student, teacher))
    got = asymmetric_figures(Verification(faces, pairs), seen, enrolled, SETTINGS)
    assert got["student_query_teacher_gallery"]["folds"] != got["teacher_query_student_gallery"]["folds"]
    for name, query, gallery in (
        ("student_query_teacher_gallery", student, teacher),
        ("teacher_query_student_gallery", teacher, student),
    ):
        distances = [sum((query[i] - gallery[j]) ** 2) for i, j in zip(pairs.first, pairs.second, strict=True)]
        assert got[name]["folds"] == ten_fold(np.array(distances), pairs.same).accuracies.tolist()


def test_widths_that_differ_are_refused(root):
    narrow, wide = (Embeddings.of(np.ones((1, 36, width))) for width in (4, 5))
    with pytest.raises(UserError, match="4 wide and the gallery network's 5"):
        asymmetric_figures(open_protocol(root), narrow, wide, SETTINGS)


def test_the_table_shows_every_figure(root):
    results = evaluate(pixels, {"patterns": open_protocol(root)}, settings=SETTINGS, beside=Beside(gallery=rotated))
    console = Console(file=io.StringIO(), width=200)
    console.print(table(results, {"patterns": open_protocol(root)}))
    text = console.file.getvalue()
    assert f"{100 * results['patterns']['accuracy']:.2f}" in text
    assert text.count("TAR at FAR 0.01") == 5
    assert text.count(": unsupported") == 5
    assert "bootstrap over identities" in text


def bursting(images):
    """A network with a channel that answers some faces without measure."""
    flat = pixels(images)
    return flat * torch.where(flat[:, :1] > 100, 1000, 1)


def test_embeddings_of_odd_length_are_told_with_the_figures(root):
    protocol = open_protocol(root)
    settings = Settings(flip=False, fars=(0.1,), replicates=5)
    results = {
        name: evaluate(network, {"patterns": protocol}, settings=settings)["patterns"]
        for name, network in {"whole": pixels, "broken": bursting}.items()
    }
    assert results["whole"]["warnings"] == []
    count = sum(protocol.faces.image(number)[0, 0, 0] > 227.5 for number in range(PEOPLE * IMAGES))
    (told,) = results["broken"]["warnings"]
    assert told.startswith(f"{count} of 36 embeddings")
    assert f"- warning, broken: {told}" in markdown(results, dict.fromkeys(results, protocol))


def test_validation_tells_of_odd_lengths(root):
    told = []
    validate(pixels, FolderFaces(root), warn=told.append)
    assert told == []
    validate(bursting, FolderFaces(root), warn=told.append)
    assert len(told) == 1


def test_validation_figures_equal_loops(root):
    faces = FolderFaces(root)
    vectors = np.stack([faces.image(i).transpose(2, 0, 1).ravel() - 127.5 for i in range(36)])
    unit = Embeddings(vectors[None], np.ones(36)).unit
    genuine = [unit[i] @ unit[j] for i in range(36) for j in range(i) if faces.labels[i] == faces.labels[j]]
    impostor = [unit[i] @ unit[j] for i in range(36) for j in range(i) if faces.labels[i] != faces.labels[j]]
    best = max(
        (np.mean([score > t for score in genuine]) + np.mean([score <= t for score in impostor])) / 2
        for t in [-2, *genuine, *impostor]
    )
    seen = validate(pixels, faces)
    assert seen["balanced_accuracy"] == pytest.approx(best, abs=1e-12)
    assert seen["tar@0.01"] == tar_at_far(score_all(unit, faces.labels), (0.01,))[0].tar
    assert set(seen) == {"tar@0.01", "tar@0.001", "balanced_accuracy"}


def test_balanced_accuracy_is_never_below_chance():
    unit = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert best_balanced_accuracy(score_all(unit, np.array([0, 0, 1, 1]))) == 0.5


@pytest.mark.real
@pytest.mark.slow
def test_edgeface_on_lfw(shared):
    """The published figure: 99.52 % without mirroring; half a minute on one core."""
    onnx = pytest.importorskip("facedistill.teachers.onnx")
    root = shared / "faces" / "lfw"
    network = onnx.OnnxNetwork(shared / "models" / "edgeface_xs.onnx")
    figures = evaluate(network, {"lfw": open_protocol(root)}, settings=Settings(flip=False, replicates=200))["lfw"]
    assert figures["accuracy"] == pytest.approx(0.9952, abs=0.0005)
    assert figures["accuracy_std"] == pytest.approx(0.0030, abs=0.0005)
    assert figures["all_pairs"]["identities"] == 4281
    assert figures["tar_at_far"]["0.001"]["tar"] == pytest.approx(0.9923, abs=0.001)
    assert figures["tar_at_far"]["0.0001"]["tar"] == pytest.approx(0.9838, abs=0.001)
    assert figures["tar_at_far"]["0.0001"]["supported"]
