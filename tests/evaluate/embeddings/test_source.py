"""Where embeddings come from: networks with a memory, stored folders, and what metadata say of pixels."""

import functools
import json
import os

import numpy as np
import pytest
import tiny
import torch

from facedistill.backbones.contract import Preprocess
from facedistill.backbones.load import load_backbone
from facedistill.backbones.metadata import KEY, agreed, preprocess_metadata, stated_preprocess
from facedistill.data.folder import FolderFaces
from facedistill.data.subset import Subset
from facedistill.errors import UserError
from facedistill.evaluate.embeddings.cache import CachedSource, data_digest
from facedistill.evaluate.embeddings.embed import embed
from facedistill.evaluate.embeddings.source import NetworkSource, StoredSource
from facedistill.evaluate.embeddings.store import save_embeddings


class Counting:
    """A network that remembers how many images it was asked about."""

    def __init__(self):
        self.asked = 0

    def __call__(self, images):
        self.asked += len(images)
        return images.float().flatten(1)[:, ::7] - 127.5


@pytest.fixture
def faces(tmp_path):
    return FolderFaces(tiny.write_faces(tmp_path / "faces"))


def test_a_cache_answers_as_the_network_does_and_asks_once(faces, tmp_path):
    network = Counting()
    source = CachedSource(NetworkSource(network), "model", tmp_path / "cache")
    first = source.embeddings(faces, flip=True)
    assert network.asked == 48
    again, alone = source.embeddings(faces, flip=True), source.embeddings(faces, flip=False)
    assert network.asked == 48
    plain = NetworkSource(Counting())
    for got, flip in ((first, True), (again, True), (alone, False)):
        expected = plain.embeddings(faces, flip=flip)
        np.testing.assert_array_equal(got.views, expected.views)
        np.testing.assert_array_equal(got.norms, expected.norms)
    (file,) = (tmp_path / "cache").iterdir()
    assert os.stat(file).st_mode & 0o077 == 0, "embeddings are their owner's alone"
    assert os.stat(file.parent).st_mode & 0o077 == 0


def test_without_mirror_images_a_cache_cannot_answer_for_them(faces, tmp_path):
    network = Counting()
    source = CachedSource(NetworkSource(network), "model", tmp_path / "cache")
    source.embeddings(faces, flip=False)
    assert len(source.embeddings(faces, flip=True).views) == 2
    assert network.asked == 24 + 48


def test_another_model_or_other_pixels_are_asked_again(faces, tmp_path):
    network = Counting()
    for name in ("one", "other"):
        CachedSource(NetworkSource(network), name, tmp_path / "cache").embeddings(faces, flip=False)
    assert network.asked == 48
    turned = Subset(faces, np.arange(24)[::-1])
    assert data_digest(turned) != data_digest(faces)
    CachedSource(NetworkSource(network), "one", tmp_path / "cache").embeddings(turned, flip=False)
    assert network.asked == 72


def test_a_given_digest_looks_at_the_pictures_once_for_many_models(faces, tmp_path):
    looked = []

    @functools.cache
    def of_data(faces):
        looked.append(faces)
        return data_digest(faces)

    network = Counting()
    for name in ("one", "other"):
        source = CachedSource(NetworkSource(network), name, tmp_path / "cache", of_data)
        source.embeddings(faces, flip=False)
    assert (looked, network.asked) == ([faces], 48)
    CachedSource(NetworkSource(network), "one", tmp_path / "cache").embeddings(faces, flip=False)
    assert network.asked == 48, "the same file as without it"


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY junk", b"PK"])
def test_a_damaged_cache_is_said(faces, tmp_path, content):
    source = CachedSource(NetworkSource(Counting()), "model", tmp_path / "cache")
    source.embeddings(faces, flip=False)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged .*remove it"):
        source.embeddings(faces, flip=False)
    np.save(file, np.ones((2, 3)))
    with pytest.raises(UserError, match="for 24 faces; remove it"):
        source.embeddings(faces, flip=False)


def test_stored_embeddings_are_found_by_path(faces, tmp_path):
    network = load_backbone(tiny.write_teacher(tmp_path / "teacher"))
    seen = embed(network, faces)
    save_embeddings(tmp_path / "stored", seen, faces)
    turned = Subset(faces, np.arange(24)[::-1])
    got = StoredSource(tmp_path / "stored").embeddings(turned, flip=True)
    np.testing.assert_array_equal(got.unit, seen.unit[::-1])
    np.testing.assert_array_equal(got.norms, seen.norms[::-1])


def test_an_image_without_a_stored_embedding_is_said(faces, tmp_path):
    half = Subset(faces, np.arange(12))
    save_embeddings(tmp_path / "stored", embed(Counting(), half), half)
    with pytest.raises(UserError, match=r"no embedding of 12 of 24 images, such as p3/p3_0001.png"):
        StoredSource(tmp_path / "stored").embeddings(faces, flip=True)
    twice = Subset(faces, np.array([0, 0]))
    save_embeddings(tmp_path / "twice", embed(Counting(), twice), twice)
    with pytest.raises(UserError, match="lists 1 paths twice"):
        StoredSource(tmp_path / "twice")


def test_metadata_come_back_as_they_went(tmp_path):
    written = preprocess_metadata(Preprocess(64, mean=(1.0, 2.0, 3.0), std=128.0, order="bgr"))
    stated = stated_preprocess(written, tmp_path)
    assert stated == {"size_px": 64, "mean": [1, 2, 3], "std": [128], "order": "bgr"}
    images = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    original = Preprocess(64, mean=(1.0, 2.0, 3.0), std=128.0, order="bgr")
    torch.testing.assert_close(Preprocess(**stated)(images), original(images))
    assert stated_preprocess({}, tmp_path) == {}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("{", "is not JSON as facedistill writes it"),
        ("[]", "is not JSON as facedistill writes it"),
        (json.dumps({"preprocess": {"size": 3}}), "must hold mean, order, size_px, std"),
        (
            json.dumps({"preprocess": {"size_px": 1, "mean": 1, "std": 1, "order": "rgb", "template": "wide"}}),
            "aligned to 'wide'",
        ),
    ],
)
def test_metadata_that_cannot_be_followed_are_refused(tmp_path, entry, sentence):
    with pytest.raises(UserError, match=sentence):
        stated_preprocess({KEY: entry}, tmp_path / "x.onnx")


def test_a_contradiction_is_refused(tmp_path):
    assert agreed({"mean": 127.5}, {"mean": [127.5], "std": [1]}, tmp_path) == {"mean": 127.5, "std": [1]}
    with pytest.raises(UserError, match=r"states order 'bgr' for itself, and 'rgb' is asked for"):
        agreed({"order": "rgb"}, {"order": "bgr"}, tmp_path)
