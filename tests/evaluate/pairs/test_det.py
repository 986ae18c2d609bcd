"""The band of a DET against the bootstrap of the same points, one by one."""

import numpy as np
import pytest

from facedistill.evaluate.intervals.bootstrap import resamples
from facedistill.evaluate.pairs import det
from facedistill.evaluate.pairs.roc import weighted_tar
from facedistill.evaluate.pairs.scores import score_all
from facedistill.evaluate.settings import Settings
from facedistill.types import UNLABELLED

SETTINGS = Settings(replicates=40)


def people(identities: int = 15, images: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), images)
    vectors = generator.standard_normal((identities, 6))[labels] + generator.standard_normal((len(labels), 6))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def test_every_point_is_the_interval_of_its_own_bootstrap() -> None:
    unit, labels = people()
    band = det.det_band(unit, labels, SETTINGS)
    assert band is not None
    scores = score_all(unit, labels)
    for number in (0, det.POINTS // 2, det.POINTS - 1):
        drawn = [1 - weighted_tar(scores, [band.fmr[number]], w)[0] for w in resamples(15, SETTINGS.replicates)]
        low, high = np.percentile(drawn, [2.5, 97.5])
        assert (band.low[number], band.high[number]) == pytest.approx((low, high))


def test_it_begins_where_thirty_errors_stand_behind_it() -> None:
    unit, labels = people()
    band = det.det_band(unit, labels, SETTINGS)
    assert band is not None
    assert band.fmr[0] == pytest.approx(30 / (60 * 56 / 2))
    assert band.fmr[-1] == pytest.approx(0.5)


def test_too_few_pairs_have_no_band() -> None:
    unit, labels = people(identities=2, images=3)
    assert det.det_band(unit, labels, SETTINGS) is None


def test_only_impostors_that_a_replicate_can_reach_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(det, "_PAIRS", 200)
    unit, labels = people()
    band = det.det_band(unit, labels, SETTINGS)
    assert band is not None
    assert band.fmr[-1] == pytest.approx(200 / 1680)


def test_who_is_unknown_makes_no_pairs() -> None:
    labels = np.array([0, 0, 1, UNLABELLED, 2])
    assert det.impostor_pairs(labels) == 5
