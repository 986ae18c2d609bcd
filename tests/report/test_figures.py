"""Figures that any page can hold, and colours that any eye can see on either ground."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from facedistill import page
from facedistill.page.figures import BAD, GOOD, NEUTRAL, SERIES, draw_svg

STYLE = (Path(page.__file__).parent / "style.css").read_text()


def luminance(colour: str) -> float:
    """Relative, of WCAG 2."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def grounds() -> list[dict[str, str]]:
    """Colours by name, light and dark."""
    blocks = re.findall(r":root \{([^}]*--ground[^}]*)\}", STYLE)
    return [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in blocks]


def test_there_are_two_grounds() -> None:
    light, dark = grounds()
    assert light.keys() == dark.keys()
    assert luminance(light["panel"]) > 0.9
    assert luminance(dark["panel"]) < 0.05


@pytest.mark.parametrize("colour", [*SERIES, GOOD, BAD, NEUTRAL])
def test_lines_stand_out_on_both_grounds(colour: str) -> None:
    assert all(contrast(colour, ground["panel"]) >= 3 for ground in grounds())


@pytest.mark.parametrize("name", ["ink", "soft", "accent", "good", "bad"])
def test_text_is_readable_on_both_grounds(name: str) -> None:
    assert all(contrast(ground[name], ground[behind]) >= 4.5 for ground in grounds() for behind in ("panel", "ground"))


class Ids(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]


def test_two_figures_share_a_page_and_not_a_name() -> None:
    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], "o", label="a <line>")
        axes.legend()

    first, second = (draw_svg(said, (2.0, 2.0), draw) for said in ('one & "the first"', "another"))
    assert first.startswith("<svg")
    assert 'aria-label="one &amp; &quot;the first&quot;"' in first
    assert "a &lt;line&gt;" in first
    assert not set(Ids(first).ids) & set(Ids(second).ids)
    assert set(re.findall(r"url\(#(\w+)\)|href=\"#(\w+)\"", first)), "its parts are still found"
