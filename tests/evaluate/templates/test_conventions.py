"""Names and switches of the template conventions."""

import pytest

from facedistill.errors import UserError
from facedistill.evaluate.templates.conventions import CONVENTIONS, read_convention


@pytest.mark.parametrize(
    ("name", "norm", "detector", "flip"),
    [
        ("insightface", "kept", "yes", "yes"),
        ("cvlface", "removed", "yes", "yes"),
        ("adaface", "kept", "no", "yes"),
        ("tface", "removed", "no", "no"),
        ("facexzoo", "removed", "yes", "no"),
    ],
)
def test_headline_conventions(name, norm, detector, flip):
    assert CONVENTIONS[name].words() == {"norm": norm, "detector": detector, "flip": flip}
    assert read_convention(name) == CONVENTIONS[name]


def test_only_tface_sums_unit_vectors():
    assert [name for name, convention in CONVENTIONS.items() if convention.unit_views] == ["tface"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cvlface,detector=no", {"norm": "removed", "detector": "no", "flip": "yes"}),
        ("norm=removed", {"norm": "removed", "detector": "yes", "flip": "yes"}),
        ("tface, flip = yes", {"norm": "removed", "detector": "no", "flip": "yes"}),
        ("norm=kept,detector=no,flip=no", {"norm": "kept", "detector": "no", "flip": "no"}),
    ],
)
def test_switches_change_a_convention(text, words):
    assert read_convention(text).words() == words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("insigthface", "did you mean 'insightface'"),
        ("cvlface,detektor=no", "did you mean 'detector'"),
        ("cvlface,detector", "Unknown switch|detector"),
        ("norm=l2", "norm is kept or removed; it got 'l2'"),
        ("", "Unknown convention ''"),
    ],
)
def test_what_nobody_knows_is_refused(text, said):
    with pytest.raises(UserError, match=said):
        read_convention(text)
