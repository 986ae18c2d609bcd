"""Embeddings: the sum over the mirror image, modes restored, and files that appear whole."""

import os

import numpy as np
import pytest
import torch
from torch import nn

from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.data.contract import AbstractFaces, UnreadableImage
from facedistill.errors import UserError
from facedistill.evaluate.embeddings.embed import Embeddings, embed
from facedistill.evaluate.embeddings.store import load_embeddings, save_embeddings
from facedistill.types import UNLABELLED, Features


class Faces(AbstractFaces):
    def __init__(self, images, labels=None):
        self.images = images
        self.labels = np.arange(len(images)) // 2 if labels is None else np.array(labels)
        self.identities = tuple(f"person {label}" for label in range(self.labels.max() + 1))

    def image(self, index):
        if self.images[index] is None:
            raise UnreadableImage(f"{self.name(index)}: empty file")
        return self.images[index]

    def name(self, index):
        return f"{index}.png"


class Tiny(AbstractBackbone):
    def __init__(self):
        super().__init__(Preprocess(12))
        self.norm = nn.BatchNorm2d(3)
        self.sleeping = nn.Dropout(0.5).eval()
        self.linear = nn.Linear(3 * 12 * 12, 5)

    def features(self, pixels):
        return Features(self.linear(self.sleeping(self.norm(pixels)).flatten(1)))


@pytest.fixture
def faces():
    return Faces(list(np.random.default_rng(0).integers(0, 256, (7, 12, 12, 3), dtype=np.uint8)))


@pytest.mark.parametrize("batch", [1, 3, 128])
@pytest.mark.parametrize("flip", [True, False])
def test_embedding_is_the_raw_sum(faces, batch, flip):
    torch.manual_seed(0)
    network = Tiny().eval()
    seen = embed(network, faces, flip=flip, batch=batch)
    assert seen.vectors.dtype == np.float64
    for index, image in enumerate(faces.images):
        views = [image, image[:, ::-1]] if flip else [image]
        answers = []
        for view in views:
            pixels = torch.tensor(view.transpose(2, 0, 1).copy())[None]
            answers.append(network(pixels).embedding[0].detach().numpy().astype(float))
        np.testing.assert_allclose(seen.vectors[index], np.sum(answers, axis=0), rtol=1e-5, atol=1e-6)
        assert seen.norms[index] == pytest.approx(np.mean([np.linalg.norm(answer) for answer in answers]), rel=1e-5)


def test_modes_and_statistics_stay(faces):
    network = Tiny()
    network.train()
    network.sleeping.eval()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.autocast("cpu", torch.bfloat16):
        inside = embed(network, faces)
    assert network.training
    assert network.norm.training
    assert not network.sleeping.training
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())
    np.testing.assert_array_equal(inside.vectors, embed(network.eval(), faces).vectors)


def test_modes_return_after_an_error(faces):
    network = Tiny().train()
    faces.images[3] = None
    with pytest.raises(UserError, match=r"3\.png: empty file"):
        embed(network, faces, batch=2)
    assert network.training


def test_a_function_embeds_and_progress_is_told(faces):
    told = []
    seen = embed(
        lambda images: images.float().mean(dim=(2, 3)), faces, flip=False, batch=3, report=lambda *now: told.append(now)
    )
    np.testing.assert_allclose(seen.vectors, [image.mean(axis=(0, 1)) for image in faces.images], rtol=1e-6)
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_an_embedding_that_is_not_finite_is_named(faces):
    faces.images[4] = np.zeros((12, 12, 3), np.uint8)
    with pytest.raises(UserError, match=r"embedding of 4\.png is not finite"):
        embed(lambda images: 1 / images.float().sum(dim=(2, 3)), faces, batch=3)


def test_images_of_two_sizes_are_named(faces):
    faces.images[5] = np.zeros((10, 12, 3), np.uint8)
    with pytest.raises(UserError, match=r"5\.png is 12 x 10 pixels, 4\.png 12 x 12"):
        embed(Tiny(), faces, batch=2)


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def some_embeddings():
    return Embeddings(np.random.default_rng(0).standard_normal((1, 4, 3)), np.arange(4.0))


def test_files_return_what_was_written(tmp_path, faces):
    faces = Faces(faces.images[:4], [0, 0, 1, UNLABELLED])
    save_embeddings(tmp_path / "new" / "set", some_embeddings(), faces)
    embeddings, paths, identities = load_embeddings(tmp_path / "new" / "set")
    np.testing.assert_array_equal(embeddings.vectors, some_embeddings().vectors)
    np.testing.assert_array_equal(embeddings.norms, np.arange(4.0))
    assert paths == ["0.png", "1.png", "2.png", "3.png"]
    assert identities == ["person 0", "person 0", "person 1", ""]


def test_files_are_not_overwritten(tmp_path, faces):
    (tmp_path / "set").mkdir()
    with pytest.raises(UserError, match="exists and is never overwritten"):
        save_embeddings(tmp_path / "set", some_embeddings(), Faces(faces.images[:4]))


def test_nothing_half_written_stays(tmp_path, faces):
    faces = Faces(faces.images[:4])
    faces.identities = faces.identities[:1]
    with pytest.raises(IndexError):
        save_embeddings(tmp_path / "set", some_embeddings(), faces)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["missing", "pickle", "rows", "index", "truncated"])
def test_files_that_do_not_fit_are_refused(tmp_path, faces, damage):
    folder = tmp_path / "set"
    save_embeddings(folder, some_embeddings(), Faces(faces.images[:4]))
    if damage == "missing":
        (folder / "index.csv").unlink()
    elif damage == "pickle":
        np.save(folder / "embeddings.npy", np.full((4, 3), Trap(tmp_path / "sprung"), dtype=object), allow_pickle=True)
    elif damage == "rows":
        np.save(folder / "embeddings.npy", np.zeros((3, 3)))
    elif damage == "index":
        (folder / "index.csv").write_text("path,identity\n0.png,a\n")
    else:
        content = (folder / "embeddings.npy").read_bytes()
        (folder / "embeddings.npy").write_bytes(content[:-8])
    with pytest.raises(UserError, match="set"):
        load_embeddings(folder)
    assert not (tmp_path / "sprung").exists()
