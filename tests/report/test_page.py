"""The page: what stands on it, what never does, and that it needs nothing beside it."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from facedistill.report.faces import BLURRED_PX
from facedistill.report.findings import Findings
from facedistill.report.page import page
from facedistill.report.run import FinishedRun

COMMAND = ("facedistill", "report", "taught", "--out", "a page.html")
LARGEST = 5 * 2**20


class Read(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(findings: Findings) -> str:
    return page(findings, command=COMMAND)


@pytest.fixture(scope="module")
def read(html: str) -> Read:
    return Read(html)


@pytest.fixture(scope="module")
def unasked(of_folder: Findings) -> str:
    """Of a folder's people, nothing said about their faces."""
    return page(of_folder, command=COMMAND)


def test_it_needs_nothing_beside_it(html: str, read: Read) -> None:
    assert len(html.encode()) < LARGEST
    assert read.all("script") == read.all("link") == read.all("iframe") == []
    sources = [attributes["src"] or "" for attributes in read.all("img")]
    linked = [attributes["href"] or "" for attributes in read.all("a")]
    assert all(source.startswith("data:image/") for source in sources)
    assert all(target.startswith("#") for target in linked)
    assert not re.search(r"url\((?!#)|@import", html), "pictures may name their own parts"
    (policy,) = (each["content"] for each in read.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_every_part_is_there(read: Read, findings: Findings) -> None:
    headings = {each["id"] for each in read.all("h2")}
    assert headings == {"trained", "training", "recognises", "teacher", "hardest", "device", "sees", "again"}
    assert {each["href"] for each in read.all("a")} == {f"#{name}" for name in headings}
    point = findings.own.figures["tar_at_far"]["0.1"]
    assert f"{100 * point['tar']:.2f}" in read.text
    assert "facedistill distill " in read.text
    assert "facedistill report taught --out 'a page.html'" in read.text
    for word in ("cosine.embedding", "tiny.net", "student.fp32.onnx", "student.int8.onnx", "student less teacher"):
        assert word in read.text, word


def test_who_cannot_see_it_can_read_it(read: Read) -> None:
    names = [each.get("aria-label") for each in read.all("svg")]
    assert all(names)
    assert len(set(names)) == len(names), "no two pictures have one name"
    assert all(each.get("role") == "img" for each in read.all("svg"))
    assert all(each.get("alt") for each in read.all("img"))
    assert read.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    shared = {name for name in ids if ids.count(name) > 1}
    assert not shared, shared
    assert all("scope" in each for each in read.all("th"))


def test_text_and_lines_take_the_colours_of_the_page(html: str) -> None:
    assert "currentColor" in html
    assert "#0a0b0c" not in html
    assert "prefers-color-scheme: dark" in html


def test_drawn_faces_are_shown(read: Read) -> None:
    shown = [each["src"] for each in read.all("img") if each["alt"] == "A face"]
    assert len(shown) >= 8
    assert all(source is not None and source.startswith("data:image/jpeg") for source in shown)


def images(text: str) -> list[np.ndarray]:
    data = [base64.b64decode(found) for found in re.findall(r'<img src="data:image/\w+;base64,([^"]+)"', text)]
    return [cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR) for each in data]


def test_real_faces_are_not_shown_unasked(unasked: str) -> None:
    *faces, _ = images(unasked)
    assert len(faces) >= 8
    assert {face.shape for face in faces} == {(BLURRED_PX, BLURRED_PX, 3)}, "all else of them is gone"
    assert "drawn6_" not in unasked, "nor are their names"
    assert Read(unasked).all("img")[0]["alt"] == "A blurred face"


def test_real_faces_are_shown_when_asked_for(of_folder: Findings) -> None:
    text = page(of_folder, command=COMMAND, show_faces=True)
    assert images(text)[0].shape == (24, 24, 3)
    assert "drawn6_" in text
    assert "mind who gets this file" in Read(text).text


def test_groups_have_a_table_where_they_are_known(unasked: str, html: str) -> None:
    text = Read(unasked).text
    assert "young" in text
    assert "highest over lowest" in text
    assert "By group" not in html


def test_names_cannot_become_markup(of_folder: Findings, run: FinishedRun) -> None:
    hostile = "<script>alert(1)</script>"
    recipe = run.recipe.model_copy(update={"model": {hostile: {}}})
    renamed = FinishedRun(run.folder, recipe, run.result, run.environment, [{"epoch": 1, "loss": 1.0, hostile: 2.0}])
    text = page(replace(of_folder, run=renamed), command=[*COMMAND, hostile])
    assert "<script" not in text
    assert "&lt;script&gt;" in text
