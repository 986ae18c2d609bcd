"""LFW is laid out from scikit-learn's folder, here one of the same layout with drawn faces."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from facedistill.cli import app
from facedistill.data.lfw import lay_out_lfw
from facedistill.data.pairs import read_pairs
from facedistill.errors import UserError

pytest.importorskip("sklearn")

PEOPLE = {"Ada_Drawn": 3, "Ben_Drawn": 2, "Cyd_Drawn": 1}
PAIRS = "2\t1\nAda_Drawn\t1\t2\nAda_Drawn\t1\tBen_Drawn\t1\nBen_Drawn\t1\t2\nAda_Drawn\t3\tCyd_Drawn\t1\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """What scikit-learn leaves behind after a download."""
    lfw = tmp_path / "home" / "lfw_home"
    for person, count in PEOPLE.items():
        (lfw / "lfw" / person).mkdir(parents=True)
        for number in range(1, count + 1):
            crop = np.full((250, 250, 3), 40 * number, np.uint8)
            (lfw / "lfw" / person / f"{person}_{number:04d}.jpg").write_bytes(cv2.imencode(".jpg", crop)[1].tobytes())
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt"):
        (lfw / name).write_text("1\n")
    (lfw / "pairs.txt").write_text(PAIRS)
    return tmp_path / "home"


def test_photographs_and_pairs_are_laid_out_as_they_are(home, tmp_path):
    steps = []
    faces = lay_out_lfw(
        tmp_path / "out", data_home=home, download=False, report=lambda done, of: steps.append((done, of))
    )
    assert faces.identities == tuple(PEOPLE)
    assert faces.labels.tolist() == [0, 0, 0, 1, 1, 2]
    assert steps == [(done, 6) for done in range(1, 7)]
    for index in range(6):
        assert faces.encoded(index) == (home / "lfw_home" / "lfw" / faces.name(index)).read_bytes()
    pairs = read_pairs(tmp_path / "out", faces)
    assert pairs.folds == 2
    assert pairs.same.tolist() == [True, False, True, False]
    assert (tmp_path / "out" / "pairs.txt").read_text() == PAIRS


def test_a_folder_that_exists_is_refused_before_anything_is_fetched(home, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UserError, match="exists and is never overwritten"):
        lay_out_lfw(home, data_home=home)
    with pytest.raises(UserError, match=r"pip install 'facedistill\[lfw\]'"):
        lay_out_lfw(tmp_path / "out", data_home=home)


@pytest.mark.parametrize("missing", ["pairs.txt", "pairsDevTest.txt", "lfw"])
def test_what_is_not_there_is_not_fetched_without_leave(home, tmp_path, missing):
    (home / "lfw_home" / missing).rename(tmp_path / "gone")
    with pytest.raises(UserError, match=r"LFW is not in .*lfw_home.*is missing.*without --offline"):
        lay_out_lfw(tmp_path / "out", data_home=home, download=False)
    assert not (tmp_path / "out").exists()


def test_half_unpacked_photographs_are_noticed_by_their_pairs(home, tmp_path):
    (home / "lfw_home" / "lfw" / "Ben_Drawn" / "Ben_Drawn_0002.jpg").unlink()
    with pytest.raises(UserError, match=r"is not all of LFW \(.*line 4: there is no image.*remove .*lfw_home/lfw"):
        lay_out_lfw(tmp_path / "out", data_home=home, download=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_the_command_line_says_what_comes_next(home, tmp_path):
    out = tmp_path / "lfw"
    shown = CliRunner().invoke(app, ["data", "lfw", str(out), "--data-home", str(home), "--offline"])
    assert shown.exit_code == 0, shown.output
    assert "6 photographs of 3 people" in shown.stdout
    assert f"facedistill align {out}" in shown.stdout
    assert (out / "Cyd_Drawn" / "Cyd_Drawn_0001.jpg").is_file()
