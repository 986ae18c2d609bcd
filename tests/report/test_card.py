"""The model card: metadata that the Hub reads, and sentences that claim no more than is known."""

import pytest
import yaml

from facedistill.export.package import Package
from facedistill.hub.card import card
from facedistill.hub.handed import facts_of
from facedistill.report.findings import Findings


@pytest.fixture(scope="module")
def text(findings: Findings, package: Package) -> str:
    return card(facts_of(findings, package))


def head(text: str) -> dict:
    _, metadata, _ = text.split("---\n", 2)
    return yaml.safe_load(metadata)


def test_every_figure_is_in_the_index_with_its_interval(text: str, findings: Findings) -> None:
    (model,) = head(text)["model-index"]
    (result,) = model["results"]
    assert result["task"]["type"] == "face-verification"
    assert result["dataset"]["type"] == "drawn-faces"
    by_name = {metric["name"]: metric for metric in result["metrics"]}
    assert {metric["type"] for metric in result["metrics"]} == {"accuracy", "tar"}
    point = findings.own.figures["tar_at_far"]["0.1"]
    assert by_name["TAR at FAR 0.1"]["value"] == point["tar"]
    assert by_name["TAR at FAR 0.1"]["args"]["interval_95"] == point["tar_interval"]
    assert f"| TAR at FAR 0.1 | {100 * point['tar']:.2f} |" in text


def test_tags_say_what_it_is(text: str, of_folder: Findings) -> None:
    assert head(text)["tags"] == ["face-recognition", "face-verification", "tiny.net", "knowledge-distillation", "onnx"]
    assert "onnx" not in head(card(facts_of(of_folder, None)))["tags"]


def test_no_licence_is_made_up(text: str, of_folder: Findings) -> None:
    assert "license" not in head(text)
    assert "No licence is stated" in text
    licensed = card(facts_of(of_folder, None), "mit")
    assert head(licensed)["license"] == "mit"
    assert "No licence is stated" not in licensed


def test_it_says_what_drawn_faces_do_not(text: str, of_folder: Findings) -> None:
    assert "say nothing about real people" in text
    real = card(facts_of(of_folder, None))
    assert "say nothing about real people" not in real
    assert "highest over lowest group" in real


def test_it_has_the_parts_that_people_look_for(text: str) -> None:
    parts = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert parts == ["Use", "Evaluation", "Files", "Training", "Intended use", "Limits", "Ethical notes"]
    assert "export/student.int8.onnx" in text
    assert "facedistill calibrate export" in text, "this package has no threshold yet"


def test_it_shows_no_path_of_this_machine(text: str, findings: Findings) -> None:
    assert str(findings.run.folder.parent) not in text


def test_the_hubs_own_library_reads_it(text: str, findings: Findings) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")
    read = hub.ModelCard(text).data
    assert read.library_name == "facedistill"
    values = {result.metric_name: result.metric_value for result in read.eval_results}
    assert values["TAR at FAR 0.1"] == findings.own.figures["tar_at_far"]["0.1"]["tar"]
