"""Receptive fields: by hand for small networks, the whole image for attention, and the definition of each number."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from facedistill.backbones.edgenext import edgenext_xxs
from facedistill.backbones.iresnet import iresnet_18
from facedistill.backbones.mobilefacenet import mobilefacenet_1m2
from facedistill.backbones.swin import swin
from facedistill.backbones.vit import vit
from facedistill.inspect.receptive_field import (
    CROP_PX,
    Box,
    centre_px,
    centroid_px,
    effective_radius_px,
    measured,
    middle_cell,
    reach,
    theoretical,
)
from facedistill.types import Features, Spec, Stage


def chain(*layers: nn.Module):  # type: ignore[no-untyped-def]
    """Every layer a stage."""

    def see(pixels: Tensor) -> Features:
        maps = []
        for layer in layers:
            pixels = layer(pixels)
            maps.append(pixels)
        return Features(pixels.flatten(1), tuple(maps))

    return see


Layers = st.lists(st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 2])), min_size=1, max_size=3)


@settings(max_examples=12, deadline=None)
@given(Layers)
def test_convolutions_have_the_field_of_the_formula(layers: list[tuple[int, int]]) -> None:
    """r_l = r_{l-1} + (k_l - 1) j_{l-1} and j_l = j_{l-1} s_l, where no border cuts it."""
    size_px, width, field, jump = 48, 3, 1, 1
    modules, expected = [], []
    for kernel, stride in layers:
        modules.append(nn.Sequential(nn.Conv2d(width, 4, kernel, stride, kernel // 2), nn.BatchNorm2d(4), nn.PReLU(4)))
        width, field, jump = 4, field + (kernel - 1) * jump, jump * stride
        expected.append(field)
    see = chain(*(module.eval() for module in modules))
    for (rows, columns), field in zip(reach(see, size_px), expected, strict=True):
        middle = rows.shape[1] // 2
        sides = theoretical(rows, columns, (middle, middle)).sides_px
        assert sides == pytest.approx((field * CROP_PX / size_px,) * 2)


def test_weights_do_not_matter_and_rows_are_not_columns() -> None:
    conv = nn.Conv2d(3, 2, (5, 1), padding=(2, 0))
    nn.init.zeros_(conv.weight)
    ((rows, columns),) = reach(chain(conv), 16)
    assert theoretical(rows, columns, (8, 3)) == Box(left=21.0, top=42.0, right=28.0, bottom=77.0)
    assert theoretical(rows, columns, (0, 0)).sides_px == (7, 21)


def test_of_pixels_that_nobody_reads_the_field_is_empty() -> None:
    ((rows, columns),) = reach(lambda pixels: Features(pixels[:, 0, 0], (torch.ones(len(pixels), 1, 2, 2),)), 16)
    assert theoretical(rows, columns, (0, 0)).sides_px == (0, 0)


def test_known_networks() -> None:
    """MobileFaceNet by hand: 3 + 2·2 = 7, then one halving bottleneck and four more: 7 + 4 + 4·8 = 43 (2·2 = 4, 8)."""
    network = mobilefacenet_1m2(size_px=64).eval()
    sides = [int(rows[:, rows.shape[1] // 2, 0].sum()) for rows, _ in reach(network.features, 64)]
    assert sides == [7, 43, 64, 64]
    # EdgeNeXt: two convolutions of 3 cells of 4 px, 4 + 2·2·4 = 20; then attention, which sees everything.
    network = edgenext_xxs(size_px=64).eval()
    sides = [int(rows[:, rows.shape[1] // 2, 0].sum()) for rows, _ in reach(network.features, 64)]
    assert sides == [20, 64, 64, 64]


def test_shifted_windows_see_two_windows_each_way() -> None:
    """Swin: cell 13 of 28 shares a shifted window with cells 10 to 16, and these saw 7 to 20: 14 patches of 4 px."""
    network = swin(width=8, depths=(2,), heads=(1,), patch_px=4, size_px=112, embedding=8).eval()
    ((rows, columns),) = reach(network.features, 112)
    assert theoretical(rows, columns, (13, 13)) == Box(left=28.0, top=28.0, right=84.0, bottom=84.0)


def test_a_vit_sees_the_whole_image_at_once() -> None:
    network = vit(width=16, depth=4, heads=2, patch_px=8, size_px=32, embedding=8).eval()
    for rows, columns in reach(network.features, 32):
        assert rows.all()
        assert columns.all()


def test_the_measured_field_is_the_gradient() -> None:
    """One channel and a linear network: G is the length of the kernel over the colours, and no sign matters."""
    conv = nn.Conv2d(3, 1, 3, padding=1).requires_grad_(False)
    (field,) = measured(chain(conv), [torch.rand(2, 3, 8, 8), torch.rand(1, 3, 8, 8)], [(4, 2)])
    kernel = conv.weight[0].norm(dim=0)
    expected = torch.zeros(8, 8)
    expected[3:6, 1:4] = kernel / kernel.sum()
    torch.testing.assert_close(field, expected)


FAMILIES = {
    "mobilefacenet": lambda: mobilefacenet_1m2(size_px=32),
    "edgenext": lambda: edgenext_xxs(size_px=32),
    "iresnet": lambda: iresnet_18(size_px=16),
    "swin": lambda: swin(width=8, depths=(2, 2), heads=(1, 2), size_px=28, embedding=8),
    "vit": lambda: vit(width=16, depth=4, heads=2, patch_px=8, size_px=32, embedding=8),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_gradient_comes_from_outside_the_theoretical_field(family: str) -> None:
    torch.manual_seed(0)
    network = FAMILIES[family]().eval().requires_grad_(False)
    spec = network.spec
    cells = [middle_cell(spec, stage) for stage in range(len(spec.stages))]
    fields = measured(network.features, [torch.randn(1, 3, spec.size_px, spec.size_px)], cells)
    for (rows, columns), cell, field in zip(reach(network.features, spec.size_px), cells, fields, strict=True):
        inside = rows[:, cell[0], cell[1]][:, None] & columns[:, cell[0], cell[1]][None, :]
        assert float(field.sum()) == pytest.approx(1, abs=1e-5)
        assert float(field[~inside].sum()) == 0


def test_signs_keep_channels_from_cancelling() -> None:
    conv = nn.Conv2d(3, 2, 1, bias=False).requires_grad_(False)
    conv.weight[1] = -conv.weight[0]
    draws = [float(measured(chain(conv), [torch.rand(1, 3, 4, 4)], [(1, 1)], seed=seed)[0][1, 1]) for seed in range(8)]
    assert max(draws) == 1


@pytest.mark.parametrize("size_px", [28, 112])
def test_half_of_an_even_square_lies_within_its_half_area(size_px: int) -> None:
    field = torch.full((size_px, size_px), 1 / size_px**2)
    assert centroid_px(field) == pytest.approx((56, 56), abs=1e-3)
    assert effective_radius_px(field) == pytest.approx(math.sqrt(CROP_PX**2 / 2 / math.pi), rel=0.03)


def test_a_single_pixel_has_no_radius() -> None:
    field = torch.zeros(16, 16)
    field[2, 5] = 1
    assert (centroid_px(field), effective_radius_px(field)) == ((5.5 * 7, 2.5 * 7), 0)


def test_cells_have_a_place_on_the_crop() -> None:
    spec = Spec(8, (Stage(4, (8, 8)), Stage(4, (2, 2))), size_px=64)
    assert [middle_cell(spec, stage) for stage in (0, 1)] == [(3, 3), (0, 0)]
    assert centre_px(spec, 0, (3, 1)) == (21, 49)
