"""Figures, differences, verdicts and ranks against plain loops; reports that say them and reach for no network."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from facedistill.compare.behind import Behind, RunPage
from facedistill.compare.judge import Judged
from facedistill.compare.plan import Group
from facedistill.compare.report import Told, as_json, comma_separated, markdown, page
from facedistill.compare.table import Failed, Finished, Line, lines
from facedistill.evaluate.intervals.bootstrap import UNDECIDED, Replicates

NAMES = ("accuracy", "TAR at FAR 0.001")
REPLICATES = 400
GROUPS = {"labels": None, "hinton": "vit", "rkd": "vit", "cosine": "vit"}
LIFT = {"labels": 0.0, "hinton": 0.001, "rkd": -0.05, "cosine": 0.06}
ALONE = Behind("", "facedistill compare mine.yaml", {}, [])
"""A table with nothing behind it."""
TOLD = Told("Comparison <one>", "labels", ["Judged on nobody."])


def write_run(folder: Path, speeds: list[float], seconds: float) -> Path:
    folder.mkdir(parents=True)
    epochs = [json.dumps({"epoch": n + 1, "images_per_s": speed}) for n, speed in enumerate(speeds)]
    (folder / "metrics.jsonl").write_text("\n".join([*epochs, json.dumps({"epoch": 3, "accuracy": 0.5})]) + "\n")
    (folder / "result.json").write_text(json.dumps({"training_s": seconds}))
    return folder


def drawn(row: str, seed: int) -> Replicates:
    """People are the same for all rows; each network has some noise of its own."""
    people = np.random.default_rng(0).normal(0, 0.03, (REPLICATES, 1))
    own = np.random.default_rng([list(LIFT).index(row), seed])
    everyone = np.array([0.7, 0.5]) + LIFT[row] + own.normal(0, 0.002, 2)
    return Replicates(everyone, everyone + people + own.normal(0, 0.004, (REPLICATES, 2)))


@pytest.fixture
def runs(tmp_path: Path) -> list[Finished]:
    return [
        Finished(Group(row, "net", teacher), 0, write_run(tmp_path / row, [10.0, 30.0, 20.0], 40.0))
        for row, teacher in GROUPS.items()
    ]


@pytest.fixture
def judged(runs: list[Finished]) -> dict[Path, Judged]:
    return {run.folder: Judged(NAMES, drawn(run.group.row, run.seed)) for run in runs}


@pytest.fixture
def table(runs: list[Finished], judged: dict[Path, Judged]) -> list[Line]:
    return lines(runs, [Failed(Group("fsp", "net", "vit"), 0, "no <stages> | here")], judged, "labels")


def percentile(values: list[float], share: float) -> float:
    """Linear between the sorted values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def test_differences_and_verdicts_are_those_of_plain_loops(table: list[Line]) -> None:
    verdicts = set()
    for line in table[1:4]:
        own, plain = drawn(line.group.row, 0), drawn("labels", 0)
        for number, name in enumerate(NAMES):
            cell = line.cells[name]
            gains = [float(own.drawn[r][number] - plain.drawn[r][number]) for r in range(REPLICATES)]
            low, high = percentile(gains, 0.025), percentile(gains, 0.975)
            assert cell.gain is not None
            assert cell.gain.mean == pytest.approx(own.everyone[number] - plain.everyone[number])
            assert (cell.gain.low, cell.gain.high) == pytest.approx((low, high))
            assert cell.gain.verdict == ("better" if low > 0 else "worse" if high < 0 else UNDECIDED)
            verdicts.add(cell.gain.verdict)
            alone = [float(value) for value in own.drawn[:, number]]
            assert (cell.low, cell.high) == pytest.approx((percentile(alone, 0.025), percentile(alone, 0.975)))
    assert verdicts == {"better", "worse", UNDECIDED}


def test_the_reference_is_compared_with_nobody(table: list[Line]) -> None:
    assert all(cell.gain is None for cell in table[0].cells.values())


def test_ranks_are_those_of_plain_loops(table: list[Line]) -> None:
    rows = list(GROUPS)
    for number, name in enumerate(NAMES):
        ranks: dict[str, list[int]] = {row: [] for row in rows}
        for r in range(REPLICATES):
            values = {row: drawn(row, 0).drawn[r][number] for row in rows}
            for row in rows:
                ranks[row].append(1 + sum(other > values[row] for other in values.values()))
        for row, line in zip(rows, table, strict=False):
            cell, seen = line.cells[name], sorted(ranks[row])
            assert cell.first == pytest.approx(seen.count(1) / REPLICATES)
            assert cell.best_rank == seen[int(0.025 * (REPLICATES - 1))]
            assert cell.worst_rank == seen[-1 - int(0.025 * (REPLICATES - 1))]


def test_costs_are_medians_over_epochs_and_means_over_seeds(tmp_path: Path) -> None:
    group = Group("labels", "net", None)
    both = [Finished(group, n, write_run(tmp_path / str(n), [1.0, 30.0 + n, 30.0 + n], 40.0 + n)) for n in (0, 2)]
    (line,) = lines(both, [], {run.folder: Judged(NAMES, drawn("labels", run.seed)) for run in both}, "labels")
    assert (line.images_per_s, line.training_s, line.seeds) == (31.0, 41.0, (0, 2))


def test_students_are_ranked_and_compared_among_themselves(tmp_path: Path) -> None:
    groups = [Group(row, student, None) for student in ("big", "small") for row in ("labels", "cosine")]
    runs = [Finished(group, 0, write_run(tmp_path / f"{n}", [1.0], 1.0)) for n, group in enumerate(groups)]
    table = lines(runs, [], {run.folder: Judged(NAMES, drawn(run.group.row, 0)) for run in runs}, "labels")
    assert [line.cells["accuracy"].worst_rank for line in table] == [2, 1, 2, 1]
    assert [line.cells["accuracy"].gain is None for line in table] == [True, False, True, False]


def test_without_its_reference_a_table_has_no_verdicts(runs: list[Finished], judged: dict[Path, Judged]) -> None:
    table = lines(runs[1:], [Failed(runs[0].group, 0, "stopped")], judged, "labels")
    assert all(cell.gain is None for line in table for cell in line.cells.values())
    assert table[-1].failed == {0: "stopped"}


def test_csv_has_a_line_for_every_figure_and_one_for_what_failed(table: list[Line]) -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(table))))
    assert len(rows) == len(GROUPS) * len(NAMES) + 1
    cosine = next(row for row in rows if row["row"] == "cosine")
    gain = table[3].cells["accuracy"].gain
    assert gain is not None
    assert (float(cosine["difference"]), cosine["verdict"]) == (gain.mean, "better")
    assert rows[-1]["failed"] == "seed 0 failed: no <stages> | here"
    assert rows[0]["verdict"] == ""


def test_markdown_is_one_whole_table(table: list[Line]) -> None:
    text = markdown(table, TOLD)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert len(rows) == 2 + len(table)
    assert "- fsp@vit, net, seed 0 failed: no <stages> | here" in text


def test_odd_embeddings_are_told_in_every_report(runs: list[Finished], judged: dict[Path, Judged]) -> None:
    odd = replace(judged[runs[1].folder], warnings=("strangers: all <alike>",))
    table = lines(runs, [], {**judged, runs[1].folder: odd}, "labels")
    assert [line.warnings for line in table] == [{}, {0: "strangers: all <alike>"}, {}, {}]
    text = markdown(table, TOLD)
    assert "- hinton@vit, net, seed 0, warning: strangers: all <alike>" in text
    assert text.count("warning for seed 0") == 1
    rows = csv.DictReader(io.StringIO(comma_separated(table)))
    assert {row["row"] for row in rows if "warning: strangers" in row["note"]} == {"hinton"}
    assert "warning: strangers: all &lt;alike&gt;" in page(table, TOLD, ALONE)


def test_json_says_everything(table: list[Line]) -> None:
    said = json.loads(as_json(table, TOLD))
    assert said["reference"] == "labels"
    assert said["rows"][3]["cells"]["accuracy"]["gain"]["verdict"] == "better"


class Links(HTMLParser):
    """Addresses that a browser would fetch, scripts, and the text of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        fetched = {"href", "xlink:href", "src", "data", "action", "srcset"}
        self.found += [value or "" for name, value in attrs if name in fetched]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone(table: list[Line]) -> None:
    html = page(table, TOLD, ALONE)
    links = Links()
    links.feed(html)
    assert [link for link in links.found if not link.startswith("#")] == []
    assert re.findall(r"url\((?!#)|@import|//cdn", html) == []
    assert not {"script", "link", "iframe", "img"} & set(links.tags)
    assert links.tags.count("svg") == 3
    addresses = set(re.findall(r"https?://[^\s\"'<]+", html))
    assert all(address.startswith("http://www.w3.org/") for address in addresses), "names of SVG, which nobody fetches"


def test_the_page_leads_to_those_of_its_runs(table: list[Line]) -> None:
    runs = [RunPage("a b", "runs/a b/report.html", ""), RunPage("c", None, "facedistill report runs/c")]
    links = Links()
    links.feed(page(table, TOLD, Behind("rows: <none>", "facedistill compare mine.yaml", {}, runs)))
    assert "runs/a%20b/report.html" in links.found
    assert "facedistill report runs/c" in links.text
    assert "rows: <none>" in links.text


def test_the_page_escapes_and_never_says_better_within_an_interval(table: list[Line]) -> None:
    html = page(table, TOLD, ALONE)
    links = Links()
    links.feed(html)
    assert "<one>" in links.text
    assert "no <stages> | here" in links.text
    assert "<one>" not in html
    gains = [cell.gain for line in table for cell in line.cells.values() if cell.gain is not None]
    assert html.count('<div class="better">') == sum(gain.low > 0 for gain in gains) == 2
    assert html.count('<div class="worse">') == sum(gain.high < 0 for gain in gains) == 2


def test_a_table_of_failures_alone_is_told(tmp_path: Path) -> None:
    table = lines([], [Failed(Group("labels", "net", None), 0, "stopped")], {}, "labels")
    assert "stopped" in page(table, TOLD, ALONE)
    assert "stopped" in markdown(table, TOLD)
