"""The page in a real browser: drawn faces in, answers out, and nothing ever leaves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import lamps
import numpy as np
import pytest
from browser import CHROMIUM, Browser, browser
from served import serving

from facedistill.crop import DetectedFaces, Several, YuNet
from facedistill.evaluate.embeddings.unit import unit_rows
from facedistill.export.package import Package
from facedistill.export.photograph import crop_of
from facedistill.export.threshold import Threshold

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

FP32, INT8 = "student.fp32.onnx", "student.int8.onnx"
LOADS_S, LOADS = 2.0, 6
"""The quickest of several loads without a cache."""

READY = "performance.getEntriesByName('all models are ready').length && !document.getElementById('drawn').hidden"
ROWS = "[...document.querySelectorAll('#rows tr')].map(row => [...row.cells].map(cell => cell.textContent))"
PROBLEMS = "[...document.querySelectorAll('.problem')].map(problem => problem.textContent)"
VERDICT = "document.getElementById('result').hidden ? '' : document.getElementById('verdict').textContent"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(package: Package) -> Iterator[str]:
    with serving(package) as address:
        yield address


@pytest.fixture
def page(chromium: Browser, url: str) -> Browser:
    """The page, ready; tests share it as visitors do."""
    if chromium.ask("location.href") != url:
        opened(chromium, url)
    chromium.requests.clear()
    chromium.messages.clear()
    return chromium


def opened(chromium: Browser, url: str) -> Browser:
    """The page, loaded anew."""
    chromium.open(url)
    chromium.until(READY)
    return chromium


def compared(page: Browser, first: Path, second: Path) -> list[list[str]]:
    """The rows of the comparison of two files."""
    page.ask("document.getElementById('rows').replaceChildren()")
    page.choose("#first input", first)
    page.choose("#second input", second)
    rows: list[list[str]] = page.until(f"{ROWS}.length && {ROWS}")
    return rows


def similarity(package: Package, name: str, *crops: Path) -> float:
    """As ``verify`` finds it."""
    pixels = np.stack([crop_of(crop, None, package.size_px) for crop in crops])
    first, second = unit_rows(package.open(name)(pixels).astype(np.float64))
    return float(first @ second)


def judged(package: Package, visitors: Path, answer: str, *, same: bool) -> tuple[Path, Path]:
    """The first pair of one person, or of two, that ``verify`` answers so with both files."""
    for first, second in combinations(sorted(visitors.glob("*/*.png")), 2):
        answers = {
            Threshold(**package.thresholds[name]).judge(similarity(package, name, first, second))
            for name in (FP32, INT8)
        }
        if (first.parent == second.parent) == same and answers == {answer}:
            return first, second
    raise AssertionError("the student tells nobody apart")


def test_it_loads_in_two_seconds(chromium: Browser, url: str) -> None:
    chromium.send("Network.setCacheDisabled", cacheDisabled=True)
    times_s: list[float] = []
    while len(times_s) < LOADS and min(times_s, default=np.inf) > LOADS_S:
        times_s.append(load_s(chromium, url))
    chromium.send("Network.setCacheDisabled", cacheDisabled=False)
    assert min(times_s) <= LOADS_S, times_s


def load_s(chromium: Browser, url: str) -> float:
    """From the address to the first network that is ready, on a machine that has nothing else to do.

    Other work stretches the time by the clock; the processor time of all of the browser's processes is what one core
    would need.
    """
    chromium.open("about:blank")
    before = chromium.processor_s()
    chromium.open(url)
    clock_ms = chromium.until(f"performance.getEntriesByName('ready: {FP32}')[0]?.startTime")
    used = chromium.processor_s().items()
    return min(clock_ms / 1000, sum(time_s - before.get(process, 0) for process, time_s in used))


@pytest.mark.parametrize(("answer", "same"), [("match", True), ("no match", False)])
def test_drawn_people_are_told_apart(page: Browser, package: Package, visitors: Path, answer: str, same: bool) -> None:
    pair = judged(package, visitors, answer, same=same)
    rows = compared(page, *pair)
    assert [row[:2] for row in rows] == [[FP32, answer], [INT8, answer]]
    assert page.ask(VERDICT)[2:].lower() == answer
    for name, _, shown, threshold, time_ms, *_ in rows:
        assert float(shown) == pytest.approx(similarity(package, name, *pair), abs=2e-3)
        assert threshold == f"{package.thresholds[name]['threshold']:.3f}"
        assert float(time_ms.removesuffix(" ms")) > 0
    assert page.ask("document.querySelectorAll('#charts svg[role=img]').length") == 2
    assert page.messages == []


def test_photos_never_leave(page: Browser, url: str, visitors: Path) -> None:
    first, second, *_ = sorted(visitors.glob("*/*.png"))
    compared(page, first, second)
    assert page.requests == [], "a page that is ready asks the network for nothing"
    page.ask("fetch('style.css').then(answer => answer.text())")
    assert [request["url"] for request in page.requests] == [f"{url}style.css"], "the watch sees requests"
    for tried in ("fetch('https://example.org/', {method: 'POST', body: 'face'})", "fetch('http://127.0.0.1:9/')"):
        assert page.ask(f"{tried}.then(() => 'left', () => 'stayed')") == "stayed"
    assert "Content Security Policy" in " ".join(page.messages)


def test_loading_asks_this_server_only(chromium: Browser, url: str) -> None:
    chromium.open("about:blank")
    chromium.requests.clear()
    chromium.open(url)
    chromium.until(READY)
    asked = {urlsplit(request["url"]).path: request for request in chromium.requests}
    assert {"/", "/worker.js", "/ort-wasm-simd-threaded.wasm", f"/models/{FP32}"} <= asked.keys()
    for request in chromium.requests:
        assert request["url"].startswith(url)
        assert (request["method"], "postData" in request) == ("GET", False)


def test_what_is_no_face_gets_a_sentence(page: Browser, visitors: Path, tmp_path: Path) -> None:
    text, heavy, huge = tmp_path / "notes.txt", tmp_path / "heavy.jpg", tmp_path / "huge.png"
    text.write_text("a face")
    with heavy.open("wb") as file:
        file.truncate((10 << 20) + 1)
    _, data = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))
    png = data.tobytes()
    huge.write_bytes(png[:16] + (65_000).to_bytes(4, "big") * 2 + png[24:])
    damaged, wide, empty = tmp_path / "damaged.png", tmp_path / "wide.png", tmp_path / "empty.jpg"
    damaged.write_bytes(png[:40])
    cv2.imwrite(str(wide), np.zeros((16, 24, 3), np.uint8))
    empty.touch()
    face, *_ = sorted(visitors.glob("*/*.png"))
    for file, sentence in {
        text: "notes.txt is not a JPEG, PNG, WebP or BMP image; choose a photo.",
        heavy: "heavy.jpg has more than 10 MiB; save the photo smaller.",
        huge: "huge.png has 65000 × 65000 pixels, more than 40 million; save it smaller.",
        damaged: "damaged.png is damaged; choose another photo.",
        wide: "wide.png has 24 × 16 pixels, and an aligned crop is square; "
        "choose a crop, or start the page with --detector.",
        empty: "empty.jpg is not a JPEG, PNG, WebP or BMP image; choose a photo.",
    }.items():
        compared(page, face, face)
        page.choose("#first input", file)
        page.until(f"{PROBLEMS}[0]")
        assert page.ask(PROBLEMS) == [sentence, ""]
        assert page.ask(VERDICT) == "", "an answer about a face that is gone"
    compared(page, face, face)
    assert page.ask(PROBLEMS) == ["", ""]


def test_a_file_can_be_dropped(page: Browser) -> None:
    page.ask(
        """(async () => {
          const canvas = new OffscreenCanvas(32, 32);
          canvas.getContext('2d').fillRect(4, 4, 9, 9);
          const file = new File([await canvas.convertToBlob()], 'dropped.png');
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(file);
          for (const kind of ['dragover', 'drop']) {
            const event = new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true});
            document.querySelector('#second .note').dispatchEvent(event);
            if (!event.defaultPrevented) throw new Error('the browser would open the file');
          }
        })()"""
    )
    note = "document.querySelector('#second .note').textContent"
    assert page.until(f"{note}.startsWith('dropped') && {note}") == "dropped.png: 32 × 32 pixels"


def test_a_photo_can_be_taken(page: Browser) -> None:
    page.ask("document.querySelector('#first .camera').click()")
    page.until("!document.querySelector('.take').disabled")
    page.ask("document.querySelector('.take').click()")
    page.until("document.querySelector('#first .note').textContent.startsWith('camera: ')")
    assert page.ask("document.getElementById('camera').open") is False
    assert page.ask("document.querySelector('#first .crop').width == document.querySelector('#first .crop').height")
    assert page.requests == []


def test_the_keyboard_reaches_everything(chromium: Browser, url: str) -> None:
    page = opened(chromium, url)
    reached = []
    for _ in range(6):
        page.press("Tab")
        reached.append(
            page.ask("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
        )
    assert reached == [
        "First face: choose a photo",
        "First face: use the camera",
        "Second face: choose a photo",
        "Second face: use the camera",
        "Try one drawn person",
        "Try two drawn people",
    ]
    page.ask("document.getElementById('drawn-one').focus()")
    page.press("Enter", "\r")
    page.until(VERDICT)
    assert page.ask("document.getElementById('result').ariaLive") == "polite"


def test_everything_has_a_name(page: Browser) -> None:
    page.ask("document.getElementById('drawn-two').click()")
    page.until(VERDICT)
    page.send("Accessibility.enable")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    named = {"button", "image", "table", "region", "heading", "article"}
    seen = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in named
    ]
    assert [role for role, name in seen if not name] == []
    assert {"button", "image", "table", "heading"} <= {role for role, _ in seen}
    chart = next(name for role, name in seen if role == "image" and name.startswith(FP32))
    assert "of strangers and of" in chart


def test_words_are_legible_in_light_and_dark(page: Browser) -> None:
    """Contrast of 4.5 and more (WCAG 2.2, 1.4.3)."""
    pairs = [(ink, ground) for ink in ("ink", "soft", "yes", "no", "unsure") for ground in ("ground", "panel")]
    for scheme in ("light", "dark"):
        page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        for first, second in [*pairs, ("on-accent", "accent"), ("accent", "ground")]:
            colours = [page.ask(f"getComputedStyle(document.body).getPropertyValue('--{n}')") for n in (first, second)]
            assert contrast(*colours) >= 4.5, (scheme, first, second)


def contrast(*colours: str) -> float:
    low, high = sorted(luminance(colour.strip()) for colour in colours)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    shares = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_phone_needs_no_sideways_scrolling(page: Browser) -> None:
    page.ask("document.getElementById('drawn-one').click()")
    page.until(VERDICT)
    page.send("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    time.sleep(0.1)
    wide = page.ask("document.documentElement.scrollWidth")
    page.send("Emulation.clearDeviceMetricsOverride")
    assert wide <= 360


def test_the_student_is_checked_in_the_browser_and_a_teacher_answers_beside_it(
    chromium: Browser, package: Package
) -> None:
    with serving(package, teacher=package.folder / FP32) as url:
        page = opened(chromium, url)
        page.ask("document.getElementById('drawn-one').click()")
        rows = page.until(f"{ROWS}.length == 3 && {ROWS}")
    (_, _, student, _, _, _, agrees), (*_, int8_agrees), (name, answer, teacher, threshold, _, _, unchecked) = rows
    assert float(agrees) > 0.9999
    assert 0.9 < float(int8_agrees) <= float(agrees)
    assert (name, answer, threshold, unchecked) == (f"teacher: {FP32}", "–", "–", "–")
    assert teacher == student


@contextmanager
def with_lamps(chromium: Browser, package: Package, folder: Path) -> Iterator[tuple[Browser, DetectedFaces]]:
    """A page with a detector, and what it must agree with."""
    file = lamps.write_detector(folder / "lamps.onnx")
    with serving(package, detector=file) as url:
        yield opened(chromium, url), DetectedFaces(YuNet(file), several=Several.ERROR)


def test_a_photograph_is_aligned_as_the_command_line_does(chromium: Browser, package: Package, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    image = chance.integers(0, 60, (64, 64, 3)).astype(np.uint8)
    image[32:, :32] = chance.integers(200, 256, (32, 32, 3))
    cv2.imwrite(str(tmp_path / "one.png"), image)
    with with_lamps(chromium, package, tmp_path) as (page, locator):
        page.choose("#first input", tmp_path / "one.png")
        page.until("document.querySelector('#first .note').textContent.includes('face found in')")
        shown = page.ask(
            """(() => {
              const canvas = document.querySelector('#first .crop');
              return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
            })()"""
        )
    crop = np.array(shown).reshape(112, 112, 4)[..., :3]
    expected = crop_of(tmp_path / "one.png", locator, 112).astype(int)
    assert np.abs(crop - expected).mean() < 1
    assert np.abs(crop - expected).max() <= 12, "OpenCV knows 32 places between two pixels"


def test_nobody_and_several_people_are_said(chromium: Browser, package: Package, tmp_path: Path) -> None:
    for name, places in {"none.png": [], "two.png": [(0, 0), (1, 1)]}.items():
        cv2.imwrite(str(tmp_path / name), lamps.photograph(*places, width=64, height=64))
    with with_lamps(chromium, package, tmp_path) as (page, _):
        for name, sentence in {
            "none.png": "none.png: no face was found; choose a photo of one person.",
            "two.png": "two.png: it shows 2 faces; choose a photo of one person.",
        }.items():
            page.choose("#first input", tmp_path / name)
            assert page.until(f"{PROBLEMS}[0].startsWith('{name}') && {PROBLEMS}[0]") == sentence
