"""The page's own mathematics, asked in a browser, beside what Python says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from browser import CHROMIUM, Browser, browser
from test_server import running

from facedistill.backbones.contract import Preprocess
from facedistill.crop.warp import align_face
from facedistill.data.template import template_px
from facedistill.serve.server import Server
from facedistill.serve.site import build_site

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The site without models, so that its modules can be imported."""
    with running(Server(build_site({}, {}))) as server, browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(f"{server.url}icon.svg")
        opened.until("location.pathname == '/icon.svg'")
        yield opened


def ask(page: Browser, module: str, expression: str, **values: Any) -> Any:
    """An expression over the exports ``m`` of a module, and over values."""
    given = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    return page.ask(f"(async () => {{ const m = await import('/{module}'); {given} return {expression}; }})()")


IMAGE = "{data: pixels, width: side, height: side}"


@pytest.mark.parametrize(("side", "size_px"), [(112, 64), (112, 16), (50, 33), (16, 16), (9, 20)])
def test_shrinking_is_that_of_training(page: Browser, side: int, size_px: int) -> None:
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 4))
    shown = ask(
        page, "shrink.js", f"[...m.shrink({IMAGE}, size)]", pixels=pixels.ravel().tolist(), side=side, size=size_px
    )
    planes = torch.from_numpy(pixels[..., :3]).permute(2, 0, 1)[None].to(torch.uint8)
    expected = Preprocess(size_px, mean=0.0, std=1.0)(planes)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(np.array(shown).reshape(expected.shape), expected, atol=2e-3)


def test_alignment_is_that_of_the_command_line(page: Browser) -> None:
    chance = np.random.default_rng(0)
    smooth = cv2.resize(chance.integers(0, 256, (9, 9, 4)).astype(np.uint8), (80, 80), interpolation=cv2.INTER_CUBIC)
    points = template_px(112) * 0.5 @ np.array([[0.9, 0.3], [-0.3, 0.9]]) + chance.normal(0, 1, (5, 2)) + [18, 5]
    shown = ask(
        page,
        "align.js",
        f"[...m.warp({IMAGE}, m.similarity(points, template), 112).data]",
        pixels=smooth.ravel().tolist(),
        side=80,
        points=points.tolist(),
        template=template_px(112).tolist(),
    )
    expected = align_face(np.ascontiguousarray(smooth[..., :3]), points, 112).astype(int)
    difference = np.abs(np.array(shown).reshape(112, 112, 4)[..., :3] - expected)
    assert difference.mean() < 0.5
    assert difference[8:-8, 8:-8].max() <= 8, "OpenCV knows 32 places between two pixels"


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".bmp"])
def test_sizes_are_read_before_anything_is_decoded(page: Browser, ending: str, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3)).astype(np.uint8)
    quality = [cv2.IMWRITE_WEBP_QUALITY, 101]  # WebP without loss
    for options in ([], quality) if ending == ".webp" else ([],):
        data = list(cv2.imencode(ending, image, options)[1].tobytes())
        size = "m.statedSize(new Uint8Array(data).buffer)"
        assert ask(page, "header.js", size, data=data) == {"width": 53, "height": 37}
        cut = "Array.from({length: 40}, (_, n) => m.statedSize(new Uint8Array(data.slice(0, n)).buffer)?.width ?? 53)"
        assert set(ask(page, "header.js", cut, data=data)) == {53}, "a header that is cut is none"


def test_judging_is_that_of_verify(page: Browser) -> None:
    found = {"low": 0.45, "high": 0.55}
    answers = ask(page, "answer.js", "[0.44, 0.45, 0.5, 0.55, 0.56].map(cosine => m.judge(cosine, found))", found=found)
    assert answers == ["no match", "not sure", "not sure", "not sure", "match"]
