"""Speeds: how they are taken and judged, and that what stands beside us does the same work."""

import json
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from said import Call

from facedistill.backbones.mobilefacenet import mobilefacenet_1m2
from facedistill.backbones.prelu import PReLU
from facedistill.bench import areas, eager, faces, head, load, plain_folds, plain_ijb
from facedistill.bench.measure import Effort, conv_flops
from facedistill.bench.row import Row, at_least, at_most, beside, near
from facedistill.cli import bench as verbs
from facedistill.data.recordio.faces import RecordFaces
from facedistill.evaluate.pairs.figures import fold_figures
from facedistill.evaluate.pairs.likeness import likeness
from facedistill.heads.cosface import CosFace

QUICK = Effort(quick=True)


def test_ratios_are_the_better_the_larger() -> None:
    rows = [
        beside("a.b", "", "x/s", 30.0, 10.0, 2.5),
        near("a.b", "", "x/s", 9.0, 10.0, 0.95),
        at_least("a.b", "", "x/s", 90.0, 100.0, eager=10.0),
        at_most("a.b", "", "s", 0.5, 2.0),
    ]
    assert [(row.ratio, row.met) for row in rows] == [(3, True), (0.9, False), (0.9, False), (4, True)]
    assert rows[0].as_json() == {**vars(rows[0]), "met": True}


def test_ways_take_turns_and_medians_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = iter(map(float, [0, 4, 10, 11, 20, 22, 30, 31, 40, 49, 50, 55])), list[str]()
    monkeypatch.setattr("time.process_time", lambda: next(now))
    ways = {"slow": lambda: asked.append("slow"), "fast": lambda: asked.append("fast")}
    assert QUICK.interleaved(ways, quick=3) == {"slow": 4, "fast": 1}
    assert asked == ["slow", "fast"] * 4, "the first turn warms up"


def test_several_threads_are_timed_by_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, processor = count(0.0), count(0.0, 2.0)
    monkeypatch.setattr("time.perf_counter", lambda: next(wall))
    monkeypatch.setattr("time.process_time", lambda: next(processor))
    assert [Effort(threads=threads).seconds(lambda: None) for threads in (1, 2)] == [2, 1]


def test_the_limit_is_a_rate_of_this_machine() -> None:
    assert 1e8 < conv_flops(QUICK) < 1e15


def test_the_eager_batch_holds_the_same_faces() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    file = cv2.imencode(".png", crop[..., ::-1])[1].tobytes()
    expected = torch.from_numpy(crop).permute(2, 0, 1).float().div(127.5).sub(1)
    chance = np.random.default_rng(0)
    seen = [eager.sample(file, chance) for _ in range(20)]
    flipped = [not torch.allclose(pixels, expected, atol=1e-6) for pixels in seen]
    assert 0 < sum(flipped) < 20
    for pixels, mirrored in zip(seen, flipped, strict=True):
        torch.testing.assert_close(pixels, expected.flip(2) if mirrored else expected, atol=1e-6, rtol=0)


def test_the_eager_network_and_head_compute_what_ours_do() -> None:
    torch.manual_seed(0)
    ours, theirs = mobilefacenet_1m2().eval(), mobilefacenet_1m2().eval()
    theirs.load_state_dict(ours.state_dict())
    images, labels = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8), torch.tensor([3, 1])
    seen = eager.plain(theirs).features(images.float().sub(127.5).div(127.5)).embedding
    assert not [part for part in theirs.modules() if isinstance(part, PReLU)]
    torch.testing.assert_close(seen, ours(images).embedding, atol=1e-5, rtol=1e-4)
    margin, usual, seen = CosFace(512, 5), eager.CosFace(512, 5), torch.randn(2, 512)
    usual.weight.data.copy_(margin.centres)
    torch.testing.assert_close(usual(seen, labels), margin(seen, labels), atol=1e-4, rtol=1e-5)


def test_the_eager_loop_learns() -> None:
    torch.manual_seed(0)
    loop = eager.Loop(mobilefacenet_1m2(), None, 2)
    pixels, labels = torch.randn(4, 3, 112, 112), torch.tensor([0, 1, 0, 1])
    losses = [loop.step(pixels, labels) for _ in range(6)]
    assert min(losses[3:]) < losses[0]


def test_ten_folds_read_plainly_give_our_figures() -> None:
    seen, pairs = plain_folds.drawn(600, 32)
    figures = fold_figures(likeness(seen.unit, seen.unit, pairs).distances, pairs)
    got = [figures["accuracy"], figures["accuracy_std"], seen.xnorm, figures["fold_tar_at_far"]["0.001"]["tar"]]
    np.testing.assert_allclose(plain_folds.accuracy_and_tar(seen, pairs), got, atol=1e-9)


def test_plain_rates_of_separable_scores_are_one() -> None:
    same = np.arange(1000) % 10 == 0
    rates = plain_ijb.plain_tar(np.where(same, 0.9, 0.1) + np.arange(1000) * 1e-5, same)
    assert set(rates.values()) == {1.0}


def test_stub_records_are_a_large_set_in_small(tmp_path: Path) -> None:
    images = (1 << 18) + 3
    set_ = RecordFaces(faces.stub_records(tmp_path / "stubs", images))
    assert (len(set_), set_.name(images - 1), len(set_.encoded(images - 1))) == (images, str(images - 1), 48)


def test_loading_and_heads_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, sizes in ((load, {"IMAGES": 32, "BATCH": 8, "OPENED": 2000}), (head, {"QUICK": 200, "BATCH": 4})):
        for name, size in sizes.items():
            monkeypatch.setattr(module, name, size)
    rows = [*load.bench_load(QUICK), *head.bench_head(QUICK)]
    assert [row.key for row in rows] == [
        *(f"load.{name}" for name in ("mirror", "views", "eager", "shuffled", "open", "first_open")),
        *(f"head.{name}" for name in ("full", "sampled")),
    ]
    assert all(row.ours > 0 and row.ratio > 0 for row in rows)


@pytest.fixture
def two_areas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Areas that know their figures."""
    row = at_least("x.y", "something", "faces/s", 1.5, 1.0, eager=0.5)
    made: dict[str, list[Row]] = {name: [] for name in areas.AREAS} | {"load": [row]}
    monkeypatch.setattr(areas, "AREAS", {name: lambda effort, rows=rows: rows for name, rows in made.items()})


@pytest.mark.usefixtures("two_areas")
def test_the_verbs_print_a_table_or_one_object(call: Call, tmp_path: Path) -> None:
    assert call("bench", "train", "--quick").code == 0
    table = call("bench", "load", "--out", tmp_path / "speeds.json")
    assert "x.y: something" in table.out
    assert "yes" in table.out
    found = json.loads(call("bench", "all", "--quick", "--json").out)
    assert found["targets"]["x.y"]["ratio"] == 1.5
    assert (found["quick"], found["threads"]) == (True, 1)
    written = json.loads((tmp_path / "speeds.json").read_text())
    assert written["targets"] == found["targets"]
    assert "exists" in call("bench", "load", "--out", tmp_path / "speeds.json").error


def test_every_area_is_a_verb() -> None:
    assert list(verbs.AREAS) == list(areas.AREAS)


@pytest.mark.slow
def test_everything_is_measured(call: Call) -> None:
    found = json.loads(call("bench", "all", "--quick", "--json").out)
    assert {key.partition(".")[0] for key in found["targets"]} == set(areas.AREAS)
