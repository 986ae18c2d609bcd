"""Maps of the local centres: what the module reads, made visible."""

from typing import Literal

import pytest
import torch

from facedistill.align.centres import LocalCentres, Tokens, merge, split
from facedistill.align.facial_position import FacialPosition, PiecewiseIndex
from facedistill.inspect.attention import Looks, centre_maps, gaze_difference_px, spread, variety
from facedistill.methods.urfm import URFM
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.types import Features, Spec, Stage

STUDENT, TEACHER = Spec(8, (Stage(5, (4, 4)),), 16), Spec(6, (Stage(7, (2, 2)),), 16)


@pytest.fixture
def urfm() -> URFM:
    torch.manual_seed(0)
    classifier = TeacherClassifier(3, torch.randn(3, 6), lambda: torch.zeros(3, 6))
    return (
        URFM(STUDENT, TEACHER, classifier, centres=4, width=8, heads=2, margin={"cosface": {}})
        .eval()
        .requires_grad_(False)
    )


@pytest.mark.parametrize("encode", ["query", "key"])
def test_maps_are_what_the_centres_read_with(encode: Literal["query", "key"]) -> None:
    """A (f W_v) with A from the maps is what the forward pass adds to the centres."""
    torch.manual_seed(1)
    position = FacialPosition(8, TEACHER, 0, "relative", gamma=1.0, index=PiecewiseIndex(2.0, 6.0, 8.0))
    centres = LocalCentres(4, 8, 2, position, encode)
    network = Tokens(STUDENT, 0, 8)
    tokens = network(torch.randn(3, 5, 4, 4))
    maps = centres.maps(network, tokens)
    read = merge(maps @ split(network.value(tokens), 2))
    torch.testing.assert_close(network.leave(centres.centres + read), centres(network, tokens))
    torch.testing.assert_close(maps.sum(-1), torch.ones(3, 2, 4))


def test_means_over_faces_and_prompts_apart(urfm: URFM) -> None:
    own, wanted = torch.randn(6, 5, 4, 4), torch.randn(6, 7, 2, 2)
    prompts = torch.randn(6, 3, 7)
    seen = [
        (Features(torch.zeros(2, 8), (own[i : i + 2],)), Features(torch.zeros(2, 6), (wanted[i : i + 2],), extras))
        for i in (0, 2, 4)
        for extras in [{"prompts": prompts[i : i + 2]}]
    ]
    student, teacher = centre_maps(urfm, seen)
    mapping = urfm.mapping
    expected = mapping.centres.maps(mapping.student, mapping.student(own)).mean((0, 1)).view(4, 4, 4)
    torch.testing.assert_close(student.maps, expected)
    assert student.on_prompts == pytest.approx(0, abs=1e-6)
    with_prompts = mapping.centres.maps(mapping.teacher, mapping.teacher(wanted, prompts))
    assert teacher.on_prompts == pytest.approx(float(with_prompts[..., 4:].sum(-1).mean()), abs=1e-6)


def test_gaze_and_even_share_by_hand() -> None:
    places = torch.tensor([[28.0, 28], [84, 28], [28, 84], [84, 84]])
    one_each = Looks(torch.eye(4).view(4, 2, 2), places, variety=0.75, spread=0.0)
    everything = Looks(torch.full((4, 2, 2), 0.2), places, variety=0.0, spread=1.0)  # the rest on prompts
    torch.testing.assert_close(one_each.gaze_px, places)
    torch.testing.assert_close(one_each.even[1].flatten(), torch.tensor([0.0, 4, 0, 0]))
    torch.testing.assert_close(everything.even, torch.ones(4, 2, 2))
    assert everything.on_prompts == pytest.approx(0.2)
    assert gaze_difference_px(one_each, everything) == pytest.approx(28 * 2**0.5)
    assert one_each.sides_px == (56, 56)
    assert Looks(torch.ones(1, 1, 1), places[:1], variety=0.0, spread=0.0).sides_px == (112, 112)


def test_variety_and_spread_by_hand() -> None:
    one_each, everything = torch.eye(4), torch.full((4, 4), 0.25)
    assert (variety(one_each), spread(one_each)) == pytest.approx((0.75, 0))
    assert (variety(everything), spread(everything)) == pytest.approx((0, 1))
    # Heads that look elsewhere do not cancel each other.
    assert variety(torch.stack([one_each, one_each.flip(0)])) == pytest.approx(0.75)
    assert spread(torch.ones(2, 1)) == 0


def test_variety_is_that_of_the_cells_alone(urfm: URFM) -> None:
    own, wanted, prompts = torch.randn(5, 5, 4, 4), torch.randn(5, 7, 2, 2), torch.randn(5, 3, 7)
    seen = Features(torch.zeros(5, 8), (own,)), Features(torch.zeros(5, 6), (wanted,), {"prompts": prompts})
    _, teacher = centre_maps(urfm, [seen])
    maps = urfm.mapping.centres.maps(urfm.mapping.teacher, urfm.mapping.teacher(wanted, prompts))[..., :4]
    total, count = 0.0, 0
    for face in maps:
        for head in face:
            shares = [row / row.sum() for row in head]
            mean = sum(shares) / len(shares)
            total += sum(float((row - mean).abs().sum()) / 2 for row in shares)
            count += len(shares)
    assert teacher.variety == pytest.approx(total / count, rel=1e-5)
