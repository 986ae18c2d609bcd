"""What is judged beside a model, and what an evaluation leaves on disk."""

import csv
import json

import cv2
import numpy as np
import pytest
import tiny

from facedistill.data.degraded import Degraded
from facedistill.errors import UserError
from facedistill.evaluate.benchmark import Beside, Scores, evaluate
from facedistill.evaluate.embeddings.source import NetworkSource
from facedistill.evaluate.intervals.bootstrap import paired_difference
from facedistill.evaluate.pairs.sample import thinned_scores
from facedistill.evaluate.pairs.scores import score_all
from facedistill.evaluate.report.folder import write_report
from facedistill.evaluate.report.pictures import curve
from facedistill.evaluate.settings import Settings
from facedistill.protocols import open_protocol
from facedistill.protocols.contract import PairScores

SETTINGS = Settings(fars=(0.1, 0.02), replicates=30)


def sharp(images):
    return images.float().flatten(1) - 127.5


def blunt(images):
    """Sees one pixel in nine only."""
    return images.float()[:, :, ::3, ::3].flatten(1) - 127.5


@pytest.fixture(scope="module")
def protocol(tmp_path_factory):
    root = tiny.write_faces(tmp_path_factory.mktemp("report") / "faces", identities=11)
    for file in root.rglob("*.png"):
        noise = np.random.default_rng(len(str(file)) + sum(file.name.encode())).normal(0, 120, (16, 16, 3))
        cv2.imwrite(str(file), (cv2.imread(str(file)) + noise).clip(0, 255).astype(np.uint8))
    rows = [row for p in range(10) for row in (f"p{p}\t1\t2", f"p{p}\t3\tp{p + 1}\t1")]
    (root / "pairs.txt").write_text("\n".join(["10\t1", *rows]))
    return open_protocol(root)


def test_differences_are_paired_and_the_first_models_gain(protocol):
    figures = evaluate(sharp, {"s": protocol}, settings=SETTINGS, beside=Beside(against=blunt))["s"]
    seen = [NetworkSource(network).embeddings(protocol.faces, flip=True) for network in (sharp, blunt)]
    measures = [protocol.measure(of, SETTINGS) for of in seen]
    expected = paired_difference([measures[1].statistic], [measures[0].statistic], 11, replicates=30)
    assert list(figures["difference"]) == ["accuracy", "TAR at FAR 0.1", "TAR at FAR 0.02"]
    for number, (name, found) in enumerate(figures["difference"].items()):
        assert found["difference"] == expected.mean[number], name
        assert found["interval"] == [expected.low[number], expected.high[number]]
        low, high = found["interval"]
        assert found["verdict"] == ("better" if low > 0 else "worse" if high < 0 else "not distinguishable")
    gain = figures["tar_at_far"]["0.1"]["tar"] - figures["against"]["tar_at_far"]["0.1"]["tar"]
    assert figures["difference"]["TAR at FAR 0.1"]["difference"] == pytest.approx(gain, abs=1e-12)
    assert figures["difference"]["TAR at FAR 0.1"]["verdict"] == "better"


def test_a_model_is_not_distinguishable_from_itself(protocol):
    figures = evaluate(sharp, {"s": protocol}, settings=SETTINGS, beside=Beside(against=sharp))["s"]
    assert {found["verdict"] for found in figures["difference"].values()} == {"not distinguishable"}
    assert {found["difference"] for found in figures["difference"].values()} == {0}


def test_degraded_pictures_are_shrunk_by_area_and_enlarged(protocol):
    faces = protocol.faces
    coarse = Degraded(faces, 4)
    means = faces.image(3).reshape(4, 4, 4, 4, 3).mean((1, 3))
    expected = cv2.resize(np.round(means).astype(np.uint8), (16, 16), interpolation=cv2.INTER_LINEAR)
    assert np.abs(coarse.image(3).astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(Degraded(faces, 16).image(3), faces.image(3))
    np.testing.assert_array_equal(Degraded(faces, 100).image(3), faces.image(3))
    assert coarse.name(3) == f"{faces.name(3)} at 4 px"
    assert coarse.landmarks_px(3) is None


def test_a_sweep_ends_where_the_figures_are(protocol):
    beside = Beside(resolutions_px=(16, 4))
    figures = evaluate(sharp, {"s": protocol}, settings=SETTINGS, beside=beside)["s"]
    sweep = figures["resolution"]
    assert {side: list(found) for side, found in sweep.items()} == {"query": ["16", "4"], "both": ["16", "4"]}
    assert sweep["both"]["16"]["tar_at_far"] == figures["tar_at_far"]
    assert sweep["both"]["4"]["tar_at_far"]["0.1"]["tar"] < figures["tar_at_far"]["0.1"]["tar"]
    coarse = NetworkSource(sharp).embeddings(Degraded(protocol.faces, 4), flip=True)
    whole = NetworkSource(sharp).embeddings(protocol.faces, flip=True)
    assert sweep["query"]["4"] == protocol.between(coarse, whole, SETTINGS)
    with pytest.raises(UserError, match="at least one pixel"):
        evaluate(sharp, {"s": protocol}, settings=SETTINGS, beside=Beside(resolutions_px=(0,)))


@pytest.mark.parametrize("weighed", [False, True])
def test_curves_equal_counts(weighed):
    generator = np.random.default_rng(0)
    genuine, impostor = generator.normal(0.5, 0.2, 50), np.round(generator.normal(0, 0.2, 300), 2)
    stands_for = generator.integers(1, 4, 300).astype(float) if weighed else np.ones(300)
    far, tar = curve(PairScores(genuine, impostor, stands_for if weighed else None))
    assert far[-1] == tar[-1] == 1
    assert (np.diff(far) > 0).all()
    for rate, share in zip(far, tar, strict=True):
        allowed = [t for t in [-2, *impostor] if stands_for[impostor > t].sum() <= rate * stands_for.sum() + 1e-9]
        best = max(np.mean(genuine > t) for t in allowed)
        assert share == pytest.approx(best, abs=1e-12), "ties come in together"


def test_thinned_scores_stand_for_all_pairs(monkeypatch):
    monkeypatch.setattr("facedistill.evaluate.pairs.scores._KEEP_AT_LEAST", 1)
    generator = np.random.default_rng(0)
    unit = generator.standard_normal((600, 8))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    labels = np.arange(300).repeat(2)
    genuine, impostor, stands_for = thinned_scores(unit, labels, 0.01)
    whole = score_all(unit, labels)
    np.testing.assert_array_equal(genuine, whole.genuine)
    assert stands_for.sum() == pytest.approx(whole.impostor_pairs)
    exact = whole.impostor.mean()
    assert np.average(impostor, weights=stands_for) == pytest.approx(exact, abs=0.005)
    assert (stands_for[: int(np.ceil(0.01 * whole.impostor_pairs))] == 1).all()


def test_a_report_is_a_folder_of_figures_tables_and_pictures(protocol, tmp_path):
    scores, beside = Scores(), Beside(against=blunt, resolutions_px=(16, 8))
    results = evaluate(sharp, {"s": protocol}, settings=SETTINGS, beside=beside, scores=scores)
    write_report(tmp_path / "out", results, {"s": protocol}, scores)
    names = {file.name for file in (tmp_path / "out").iterdir()}
    pictures = {"s_roc.png", "s_det.png", "s_scores.png", "s_resolution.png"}
    assert names == {"result.json", "table.md", "table.csv", *pictures}
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == results
    for name in pictures:
        picture = cv2.imread(str(tmp_path / "out" / name))
        assert picture.std() > 10, f"{name} shows something"
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text().splitlines()))
    assert float(rows[0]["value"]) == results["s"]["accuracy"]
    assert {row["set"] for row in rows} >= {"s", "s: the other model", "s: more than the other model"}
    table = (tmp_path / "out" / "table.md").read_text()
    assert f"| s | accuracy | {100 * results['s']['accuracy']:.2f} |" in table
    assert "- interval: 95 %" in table
    with pytest.raises(UserError, match="never overwritten"):
        write_report(tmp_path / "out", results, {"s": protocol}, scores)


def test_a_report_that_fails_leaves_nothing(protocol, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("facedistill.evaluate.report.folder.save_det", full)
    scores = Scores()
    results = evaluate(sharp, {"s": protocol}, settings=SETTINGS, scores=scores)
    with pytest.raises(OSError, match="No space left"):
        write_report(tmp_path / "out", results, {"s": protocol}, scores)
    assert list(tmp_path.iterdir()) == []
