"""Search and identification against published figures and plain loops."""

import numpy as np
import pytest

from facedistill.evaluate.identification import search as search_module
from facedistill.evaluate.identification.figures import Identification, identification_figures, threshold_at
from facedistill.evaluate.identification.search import NEVER, Found, search
from facedistill.evaluate.settings import Settings

PUBLISHED = {
    0: ((314, 378, 392), (0.6227480482616392, 0.5401904591987426), (0.36, 0.605)),
    1: ((330, 385, 397), (0.635795903812584, 0.5373325811433541), (0.3575, 0.6725)),
}
"""Hits at rank 1, 5 and 10 of 400 mated probes; thresholds and TPIR at FPIR 0.01 and 0.1 with 300 non-mated ones."""


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def one_n(seed):
    """The calls must stay in this order: the published figures belong to these very numbers."""
    chance = np.random.default_rng(seed)
    gallery = chance.standard_normal((200, 32))
    subject = chance.integers(0, 200, 400)
    mated = gallery[subject] + 1.4 * chance.standard_normal((400, 32))
    strangers = chance.standard_normal((300, 32))
    probes = unit(np.concatenate([mated, strangers]))
    identity = np.concatenate([subject, np.arange(200, 500)])
    return probes, identity, unit(gallery)


@pytest.mark.parametrize("seed", PUBLISHED)
def test_published_figures(seed):
    probes, identity, gallery = one_n(seed)
    found = search(probes, identity, lambda part: gallery[part], np.arange(200))
    hits, thresholds, tpirs = PUBLISHED[seed]
    asked = Identification([found], identity, 500, (1, 5, 10))
    figures = identification_figures(asked, Settings(replicates=2))
    assert tuple(round(700 * figures["rank"][rank]["share"]) for rank in ("1", "5", "10")) == hits
    points = [figures["tpir_at_fpir"][fpir] for fpir in ("0.01", "0.1")]
    np.testing.assert_allclose([point["thresholds"][0] for point in points], thresholds, atol=1e-9)
    np.testing.assert_allclose([point["share"] for point in points], tpirs, atol=1e-12)
    assert [point["supported"] for point in points] == [False, True]
    assert figures["galleries"] == [{"mated": 400, "non_mated": 300}]


def looped(probe, identity, gallery, owners):
    similarities = [float(np.dot(probe, entry)) for entry in gallery]
    own = max((s for s, owner in zip(similarities, owners, strict=True) if owner == identity), default=-np.inf)
    others = [s for s, owner in zip(similarities, owners, strict=True) if owner != identity]
    ahead = sum(s >= own for s in others) if own > -np.inf else NEVER
    return own, max(others), ahead


@pytest.mark.parametrize("block", [1, 100, 4_000_000])
def test_search_equals_loops(monkeypatch, block):
    """Several entries a person, distractors and strangers."""
    monkeypatch.setattr(search_module, "_BLOCK_SCORES", block)
    chance = np.random.default_rng(0)
    owners = np.concatenate([chance.integers(0, 12, 30), np.full(25, -1)])
    identity = chance.integers(0, 16, 20)
    centres = chance.standard_normal((16, 6))
    gallery = unit(np.where(owners[:, None] < 0, 0, centres[owners]) + chance.standard_normal((55, 6)))
    probes = unit(centres[identity] + chance.standard_normal((20, 6)))
    found = search(probes, identity, lambda part: gallery[part], owners)
    expected = [looped(probe, one, gallery, owners) for probe, one in zip(probes, identity, strict=True)]
    own, other, ahead = map(np.array, zip(*expected, strict=True))
    np.testing.assert_allclose(found.own, own, atol=1e-12)
    np.testing.assert_allclose(found.other, other, atol=1e-12)
    np.testing.assert_array_equal(found.ahead, ahead)
    assert found.mated.tolist() == [one in owners for one in identity]


def test_an_embedding_that_is_always_the_same_finds_nobody():
    same = np.ones((4, 2)) / np.sqrt(2)
    found = search(same, np.arange(4), lambda part: same[part], np.arange(4))
    assert found.ahead.tolist() == [3] * 4
    assert Identification([found], np.arange(4), 4, (1, 4)).statistic(np.ones(4)).tolist() == [0, 1]


def drawn_found(seed, probes=40):
    chance = np.random.default_rng(seed)
    own, other = chance.standard_normal((2, probes)).round(2)
    own[chance.random(probes) < 0.5] = -np.inf
    return Found(own, other, np.where(np.isfinite(own), (other >= own) * chance.integers(1, 4, probes), 99))


def repeated(found, times):
    return Found(*(np.repeat(part, times) for part in (found.own, found.other, found.ahead)))


def test_weights_equal_copies_of_people():
    person = np.repeat(np.arange(10), 4)
    galleries = [drawn_found(0), drawn_found(1)]
    asked = Identification(galleries, person, 10, (1, 2), (0.1, 0.3))
    for seed in range(5):
        weights = np.random.default_rng(seed).integers(0, 4, 10)
        times = weights[person]
        copies = Identification(
            [repeated(found, times) for found in galleries], np.zeros(times.sum(), int), 1, (1, 2), (0.1, 0.3)
        )
        np.testing.assert_allclose(asked.statistic(weights.astype(float)), copies.statistic(np.ones(1)), atol=1e-12)


def test_galleries_are_combined_as_stated():
    """Hits are added over all probes; thresholds and TPIR belong to each gallery."""
    galleries = [drawn_found(0), drawn_found(1)]
    value = Identification(galleries, np.arange(40), 40, (2,), (0.2,)).statistic(np.ones(40))
    assert value[0] == sum((found.ahead < 2).sum() for found in galleries) / 40
    tpirs = []
    for found in galleries:
        strangers = sorted((o for o, m in zip(found.other, found.mated, strict=True) if not m), reverse=True)
        threshold = strangers[max(int(len(strangers) * 0.2) - 1, 0)]
        assert threshold_at(found, 0.2) == threshold
        hits = [own > other and own > threshold for own, other in zip(found.own, found.other, strict=True)]
        tpirs.append(np.sum(hits) / found.mated.sum())
    assert value[1] == pytest.approx(np.mean(tpirs))


def test_without_strangers_there_is_no_open_set_figure():
    found = Found(np.array([0.9, 0.2]), np.array([0.1, 0.3]), np.array([0, 1]))
    figures = identification_figures(Identification([found], np.arange(2), 2, (1,)), Settings(replicates=50))
    assert figures["tpir_at_fpir"] == {}
    assert figures["rank"]["1"] == {"share": 0.5, "interval": [0.0, 1.0]}


def test_weights_that_leave_nobody_say_nothing():
    asked = Identification([drawn_found(0)], np.zeros(40, int), 1, (1,), (0.1,))
    assert np.isnan(asked.statistic(np.zeros(1))).all()
