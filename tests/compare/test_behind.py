"""What stands behind a table: curves, pages of runs, and the way to do it again."""

import json
from pathlib import Path

from facedistill.compare.behind import behind
from facedistill.compare.folder import KEPT


def ran(folder: Path, name: str, losses: list[float], **looked: float) -> Path:
    run = folder / "runs" / name
    run.mkdir(parents=True)
    (run / "result.json").write_text("{}")
    lines = [{"step": n, "epoch": n, "loss": loss, "images_per_s": 1.0} for n, loss in enumerate(losses, 1)]
    noted = [*lines, *([{"step": 9, "epoch": 1, **looked}] if looked else [])]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in noted) + '{"step": 1, "ep')
    return run


def test_every_row_has_a_line_and_every_run_a_page_or_its_command(tmp_path: Path) -> None:
    (tmp_path / KEPT).write_text("rows: {}\n")
    ran(tmp_path, "net/labels/seed0", [3.0, 2.0])
    run = ran(tmp_path, "net/cosine@old one/seed1", [2.5, 1.0])
    (run / "report.html").write_text("")
    told = behind(tmp_path)
    assert told.asked == "rows: {}\n"
    assert told.command == f"facedistill compare {tmp_path / KEPT}"
    (curves,) = told.curves.values()
    assert "net/labels" in curves
    assert "net/cosine@old one" in curves
    first, second = told.runs
    assert first.address == "runs/net/cosine@old one/seed1/report.html"
    assert (second.name, second.address) == ("net/labels/seed0", None)
    assert second.command == f"facedistill report {tmp_path / 'runs/net/labels/seed0'}"


def test_looks_at_people_kept_out_have_a_picture_of_their_own(tmp_path: Path) -> None:
    ran(tmp_path, "net/labels/seed0", [3.0, 2.0], **{"tar@0.01": 0.4})
    assert len(behind(tmp_path).curves) == 2


def test_one_seed_of_a_row_is_drawn(tmp_path: Path) -> None:
    ran(tmp_path, "net/labels/seed0", [3.0, 2.0])
    (curve,) = behind(tmp_path).curves.values()
    ran(tmp_path, "net/labels/seed1", [9.0, 8.0])
    assert list(behind(tmp_path).curves.values()) == [curve]


def test_nothing_behind_is_nothing_to_tell(tmp_path: Path) -> None:
    told = behind(tmp_path)
    assert (told.asked, dict(told.curves), list(told.runs)) == ("", {}, [])
