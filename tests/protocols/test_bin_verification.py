"""Verification sets from .bin files: the folder's figures from the same pictures, and what a .bin cannot know."""

import json
import pickle

import cv2
import numpy as np
import pytest

from facedistill.data.convert import Kind, convert
from facedistill.errors import UserError
from facedistill.evaluate.benchmark import Beside, evaluate
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.settings import Settings
from facedistill.protocols import open_protocol
from facedistill.protocols.binset import BinVerification

SETTINGS = Settings(fars=(0.1,), replicates=20)
PAIRS = 20


def pixels(images):
    return images.float()[:, :, ::8, ::8].flatten(1) - 127.5


def write_bin(path, shape=(112, 112, 3), seed=0):
    """Pairs of one texture with noise, and of two textures, in turn."""
    chance = np.random.default_rng(seed)
    same = [bool(pair % 2) for pair in range(PAIRS)]
    encoded = []
    for alike in same:
        first, second = chance.uniform(0, 255, (2, *shape))
        second = first if alike else second
        for texture in (first, second):
            noisy = (texture + chance.normal(0, 40, shape)).clip(0, 255).astype(np.uint8)
            encoded.append(cv2.imencode(".png", noisy)[1].tobytes())
    path.write_bytes(pickle.dumps((encoded, same)))
    return path


def test_a_bin_gets_ten_folds_and_intervals_over_pairs(tmp_path):
    protocol = open_protocol(write_bin(tmp_path / "lfw.bin"))
    assert isinstance(protocol, BinVerification)
    figures = evaluate(pixels, {"lfw": protocol}, settings=SETTINGS)["lfw"]
    assert figures == json.loads(json.dumps(figures, allow_nan=False))
    assert 0.8 < figures["accuracy"] <= 1
    assert figures["listed_pairs"] == {"genuine": 10, "impostor": 10, "identities": None}
    assert "bootstrap over pairs" in figures["protocol"]["interval"]
    assert "all_pairs" not in figures
    assert [row.figure for row in protocol.rows(figures)] == ["accuracy", "TAR at FAR 0.1"]


def test_a_pair_counts_as_often_as_it_is_drawn(tmp_path):
    protocol = open_protocol(write_bin(tmp_path / "lfw.bin"))
    vectors = np.random.default_rng(0).standard_normal((1, 2 * PAIRS, 3))
    seen = Embeddings.of(vectors)
    measure = protocol.measure(seen, SETTINGS)
    assert (measure.names, measure.units) == (("accuracy", "TAR at FAR 0.1"), PAIRS)
    weights = np.random.default_rng(1).integers(0, 3, PAIRS).astype(float)
    distances = np.square(seen.unit[::2] - seen.unit[1::2]).sum(1)
    tens, accuracies = np.repeat(np.arange(10), 2), []
    for fold in range(10):
        grid = np.arange(0, 4, 0.01)
        right = (distances[None] < grid[:, None]) == protocol.pairs.same
        best = grid[(right * weights * (tens != fold)).sum(1).argmax()]
        inside = weights * (tens == fold)
        if inside.sum():
            accuracies.append((inside * ((distances < best) == protocol.pairs.same)).sum() / inside.sum())
    assert measure.statistic(weights)[0] == pytest.approx(np.mean(accuracies), abs=1e-12)
    cosines, genuine = 1 - distances / 2, protocol.pairs.same
    impostors = sorted(zip(cosines[~genuine], weights[~genuine], strict=True), reverse=True)
    sums = np.cumsum([weight for _, weight in impostors])
    threshold = impostors[int(np.argmax(sums > 0.1 * sums[-1] + 1e-9))][0]
    accepted = weights[genuine] * (cosines[genuine] > threshold + 1e-12)
    assert measure.statistic(weights)[1] == pytest.approx(accepted.sum() / weights[genuine].sum(), abs=1e-12)


def test_other_sizes_are_resized_and_what_is_not_square_is_refused(tmp_path):
    faces = open_protocol(write_bin(tmp_path / "small.bin", (56, 56, 3))).faces
    assert faces.image(0).shape == (112, 112, 3)
    oblong = open_protocol(write_bin(tmp_path / "oblong.bin", (120, 112, 3)))
    with pytest.raises(UserError, match="112 x 120 pixels are not square"):
        evaluate(pixels, {"oblong": oblong}, settings=SETTINGS)


def test_a_network_is_judged_against_itself_at_home_in_another_gallery(tmp_path):
    protocol = open_protocol(write_bin(tmp_path / "lfw.bin"))
    figures = evaluate(pixels, {"lfw": protocol}, settings=SETTINGS, beside=Beside(gallery=pixels))["lfw"]
    assert figures["asymmetric"]["student_query_teacher_gallery"]["accuracy"] == figures["accuracy"]


@pytest.mark.parametrize("suffix", [".bin", ".BIN"])
def test_the_folder_that_a_bin_becomes_gives_its_figures(tmp_path, suffix):
    file = write_bin(tmp_path / f"lfw{suffix}")
    convert(file, tmp_path / "lfw", Kind.FOLDER)
    convert(tmp_path / "lfw", tmp_path / "again.bin", Kind.BIN)
    paths = {"file": file, "folder": tmp_path / "lfw", "again": tmp_path / "again.bin"}
    figures = evaluate(pixels, {name: open_protocol(path) for name, path in paths.items()}, settings=SETTINGS)
    assert figures["file"] == figures["folder"] == figures["again"]


def test_a_folder_that_names_people_keeps_its_identities(tmp_path):
    convert(write_bin(tmp_path / "lfw.bin"), tmp_path / "lfw", Kind.FOLDER)
    (tmp_path / "lfw" / "anna").mkdir()
    (tmp_path / "lfw" / "0000000.png").rename(tmp_path / "lfw" / "anna" / "0.png")
    with pytest.raises(UserError, match=r"pairs.csv, line 2: there is no image '0000000' in the folder"):
        open_protocol(tmp_path / "lfw")
    (tmp_path / "lfw" / "pairs.csv").unlink()
    assert not BinVerification.recognises(tmp_path / "lfw")
    with pytest.raises(UserError, match=r"needs a pairs\.csv beside its images"):
        BinVerification.open(tmp_path / "lfw")
