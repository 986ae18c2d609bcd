"""The same batches for any number of workers, order of asking or number of ranks."""

import multiprocessing
import os
import signal

import cv2
import numpy as np
import pytest
import torch

from facedistill.data.contract import AbstractFaces, UnreadableImage
from facedistill.data.loader import Loader, in_order
from facedistill.data.mix import Mix
from facedistill.data.order import Balanced
from facedistill.data.views import Views, view
from facedistill.errors import UserError

# A machine with one core makes torch warn of two workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

VIEWS = Views(blur=0.3, jpeg=0.3)


class Noise(AbstractFaces):
    """Smooth noise; ``bad`` cannot be read."""

    def __init__(self, count: int, bad: int = -1) -> None:
        self.identities = ("a", "b", "c")
        self.labels = np.arange(count) % 4 - 1
        self.bad = bad

    def image(self, index: int) -> np.ndarray:
        if index == self.bad:
            raise UnreadableImage(f"{self.name(index)}: it is truncated")
        noise = np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        return cv2.GaussianBlur(noise, (0, 0), 2)

    def name(self, index: int) -> str:
        return f"a/{index}.jpg"


def epoch(loader: Loader, number: int) -> dict[str, torch.Tensor]:
    """All of an epoch, as it came."""
    batches = [(images.clone(), about) for images, about in loader.epoch(number)]
    return {
        "images": torch.stack([images for images, _ in batches]),
        **{name: torch.stack([getattr(about, name) for _, about in batches]) for name in ("labels", "index", "view")},
    }


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_batches_hold_the_views_and_labels_of_their_samples():
    faces = Noise(21)
    got = epoch(Loader(faces, VIEWS, batch=4, seed=9), 3)
    assert got["images"].shape == (5, 4, 3, 32, 32)
    assert got["images"].dtype == torch.uint8
    assert got["labels"].dtype == got["index"].dtype == got["view"].dtype == torch.int64
    assert len(set(got["index"].ravel().tolist())) == 20
    assert set(got["view"].ravel().tolist()) == {3}
    assert got["labels"].ravel().tolist() == faces.labels[got["index"].ravel()].tolist()
    for image, index in zip(got["images"].flatten(0, 1), got["index"].ravel().tolist(), strict=True):
        expected = view(faces.image(index), VIEWS, seed=9, index=index, number=3)
        assert np.array_equal(image.permute(1, 2, 0), expected)


def test_workers_change_nothing():
    alone = Loader(Noise(40), VIEWS, batch=4, seed=1)
    helped = Loader(Noise(40), VIEWS, batch=4, seed=1, workers=2)
    later = epoch(helped, 5)
    assert same(epoch(helped, 0), epoch(alone, 0))
    assert same(epoch(alone, 5), later)


def test_an_epoch_left_early_leaves_no_trace():
    loader, fresh = (Loader(Noise(40), VIEWS, batch=4, seed=1, workers=1) for _ in range(2))
    next(loader.epoch(0))
    assert same(epoch(loader, 1), epoch(fresh, 1))


def test_ctrl_c_is_left_to_the_training_loop():
    loader = Loader(Noise(40), VIEWS, batch=4, seed=1, workers=1)
    before = set(multiprocessing.active_children())
    batches = loader.epoch(0)
    next(batches)
    (worker,) = set(multiprocessing.active_children()) - before
    os.kill(worker.pid, signal.SIGINT)
    assert len(list(batches)) == 9


def test_every_epoch_and_seed_has_its_own_order():
    orders = [epoch(Loader(Noise(40), Views.none(), batch=4, seed=s), n)["index"] for s in (0, 1) for n in (0, 1)]
    assert len({tuple(order.ravel().tolist()) for order in orders}) == 4


def test_two_ranks_see_together_what_one_sees_alone():
    alone = epoch(Loader(Noise(43), VIEWS, batch=8, seed=2), 1)
    halves = [epoch(Loader(Noise(43), VIEWS, batch=4, seed=2, rank=rank, world=2), 1) for rank in (0, 1)]
    assert len(halves[0]["index"]) == len(halves[1]["index"]) == 5
    for step in range(5):
        together = torch.cat([half["index"][step] for half in halves])
        assert sorted(together.tolist()) == sorted(alone["index"][step].tolist())


def test_the_global_random_numbers_are_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    epoch(Loader(Noise(8), VIEWS, batch=4, seed=0), 0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_cannot_be_read_is_named_in_one_line(workers: int):
    with pytest.raises(UserError, match=r"^An image cannot be read: a/5\.jpg: it is truncated; repair or remove it\.$"):
        epoch(Loader(Noise(8, bad=5), VIEWS, batch=4, seed=0, workers=workers), 0)


def test_too_few_faces_for_a_batch_are_refused():
    with pytest.raises(UserError, match="7 faces do not fill one batch of 8"):
        Loader(Noise(7), VIEWS, batch=4, seed=0, world=2)


@pytest.mark.parametrize("workers", [0, 2])
def test_in_order_gives_every_crop_once_and_untouched(workers: int):
    faces = Noise(10)
    batches = list(in_order(faces, batch=4, workers=workers))
    assert [len(images) for images, _ in batches] == [4, 4, 2]
    images = torch.cat([images for images, _ in batches])
    for index in range(10):
        assert np.array_equal(images[index].permute(1, 2, 0), faces.image(index))
    assert torch.cat([about.index for _, about in batches]).tolist() == list(range(10))
    assert torch.cat([about.labels for _, about in batches]).tolist() == faces.labels.tolist()


def test_crops_are_brought_to_the_size_asked_for():
    images, _ = next(in_order(Noise(4), batch=4, size_px=20))
    assert images.shape == (4, 3, 20, 20)
    images, _ = next(Loader(Noise(4), VIEWS, batch=2, seed=0, size_px=48).epoch(0))
    assert images.shape == (2, 3, 48, 48)


def test_balanced_batches_are_the_same_for_workers_and_ranks():
    faces = Noise(43)
    order = Balanced(per_identity=2, share=0.5)
    alone = epoch(Loader(faces, VIEWS, batch=8, seed=2, order=order), 1)
    assert same(epoch(Loader(faces, VIEWS, batch=8, seed=2, order=order, workers=2), 1), alone)
    rows = order.epoch(faces.labels, 8, seed=2, number=1)
    assert alone["index"].tolist() == rows.tolist()
    halves = [epoch(Loader(faces, VIEWS, batch=4, seed=2, order=order, rank=r, world=2), 1) for r in (0, 1)]
    assert torch.equal(torch.stack([half["index"] for half in halves], dim=2).flatten(1), alone["index"])


def test_mixed_faces_are_the_same_for_workers_and_ranks():
    faces, mix = Noise(43), Mix(share=0.5, alpha=0.7)
    alone = epoch(Loader(faces, VIEWS, batch=8, seed=2, mix=mix), 1)
    assert same(epoch(Loader(faces, VIEWS, batch=8, seed=2, mix=mix, workers=2), 1), alone)
    halves = [epoch(Loader(faces, VIEWS, batch=4, seed=2, mix=mix, rank=r, world=2), 1) for r in (0, 1)]
    for name in ("images", "labels"):
        assert torch.equal(torch.stack([half[name] for half in halves], dim=2).flatten(1, 2), alone[name])


def test_a_mixed_face_is_two_views_without_a_label():
    faces, mix = Noise(43), Mix(share=0.5)
    got, plain = (epoch(Loader(faces, VIEWS, batch=8, seed=2, mix=each), 1) for each in (mix, None))
    count = 0
    for place, index in enumerate(got["index"].ravel().tolist()):
        partner = mix.partner(43, seed=2, index=index, number=1)
        image, own = (epoch_["images"].flatten(0, 1)[place].permute(1, 2, 0).numpy() for epoch_ in (got, plain))
        if partner is None:
            assert np.array_equal(image, own)
            assert got["labels"].ravel()[place] == faces.labels[index]
            continue
        count += 1
        other = view(faces.image(partner[0]), VIEWS, seed=2, index=partner[0], number=1)
        expected = partner[1] * own.astype(np.float64) + (1 - partner[1]) * other
        assert np.abs(image - expected).max() <= 0.51
        assert got["labels"].ravel()[place] == -1
    assert 10 <= count <= 30, "about half of 40"


def test_an_order_that_cannot_be_kept_is_refused_before_training():
    with pytest.raises(UserError, match="never show the unlabelled"):
        Loader(Noise(43), VIEWS, batch=4, seed=2, order=Balanced())
