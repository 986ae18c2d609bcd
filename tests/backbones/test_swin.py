"""Swin: the field's shapes and names, merging, and prompts that live one stage."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facedistill.backbones.contract import AbstractPromptable
from facedistill.backbones.swin import swin, swin_b, swin_s, swin_t
from facedistill.errors import UserError
from facedistill.testing import check_backbone

small = partial(swin, width=8, depths=(2, 2), heads=(2, 4), window=3, size_px=24, embedding=10)


def lively(network: AbstractPromptable) -> AbstractPromptable:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    return network.eval()


def images(count: int = 3) -> Tensor:
    return torch.randint(0, 256, (count, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("pool", ["flatten", "mean"])
def test_it_keeps_every_backbones_promises(pool: str) -> None:
    check_backbone(partial(small, pool=pool))


def test_the_three_sizes() -> None:
    with torch.device("meta"):
        networks = {f.__name__: f() for f in (swin_t, swin_s, swin_b)}
    described = {
        name: ([len(layer.blocks) for layer in net.layers], [layer.blocks[0].attn.heads for layer in net.layers])
        for name, net in networks.items()
    }
    # Swin (arXiv 2103.14030), section 3.3; a head has 32 channels.
    assert described == {
        "swin_t": ([2, 2, 6, 2], [3, 6, 12, 24]),
        "swin_s": ([2, 2, 18, 2], [3, 6, 12, 24]),
        "swin_b": ([2, 2, 18, 2], [4, 8, 16, 32]),
    }
    for name, width in {"swin_t": 96, "swin_s": 96, "swin_b": 128}.items():
        spec = networks[name].spec
        assert [stage.grid[0] for stage in spec.stages] == [56, 28, 14, 7]
        assert [stage.channels for stage in spec.stages] == [width, 2 * width, 4 * width, 8 * width]


def test_the_form_for_224_px_has_as_many_weights_as_published() -> None:
    with torch.device("meta"):
        network = swin_s(size_px=224, patch_px=4)
    weights = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert [stage.grid[0] for stage in network.spec.stages] == [56, 28, 14, 7]
    # Swin-S (arXiv 2103.14030, table 1) has 49.6 M, of which 768,000 + 1,000 are ImageNet's classifier.
    trunk = sum(number for name, number in weights.items() if not name.startswith("feature"))
    assert trunk + 769_000 == pytest.approx(49.6e6, abs=0.05e6)


def test_tensor_names_are_those_of_the_public_code() -> None:
    state = {name: tuple(tensor.shape) for name, tensor in small().state_dict().items()}
    assert state["patch_embed.proj.weight"] == (8, 3, 2, 2)
    assert state["patch_embed.norm.weight"] == (8,)
    assert state["layers.0.blocks.1.attn.relative_position_bias_table"] == (25, 2)
    assert state["layers.0.blocks.1.attn.qkv.bias"] == (24,)
    assert state["layers.0.downsample.reduction.weight"] == (16, 32)
    assert state["layers.0.downsample.norm.bias"] == (32,)
    assert not any(name.startswith("layers.1.downsample") for name in state)
    assert {name.partition(".")[0] for name in state} == {"patch_embed", "layers", "norm", "feature"}


def test_merging_joins_four_neighbours() -> None:
    network = lively(small(size_px=10))  # a map of 5 x 5: odd
    merging, cells = network.layers[0].downsample, torch.randn(2, 25, 8)
    padded = torch.zeros(2, 6, 6, 8)
    padded[:, :5, :5] = cells.unflatten(1, (5, 5))
    with torch.no_grad():
        merged = merging(cells)
        assert merged.shape == (2, 9, 16)
        for row, column in [(0, 0), (1, 2), (2, 2)]:
            corners = [padded[:, 2 * row + down, 2 * column + right] for right in (0, 1) for down in (0, 1)]
            normed = F.layer_norm(torch.cat(corners, -1), (32,), merging.norm.weight, merging.norm.bias)
            torch.testing.assert_close(merged[:, 3 * row + column], normed @ merging.reduction.weight.T)


def test_every_second_block_is_shifted_where_there_is_room() -> None:
    network = swin(width=8, depths=(3, 2), heads=(2, 2), window=4, size_px=16)
    assert [[block.attn.shift for block in layer.blocks] for layer in network.layers] == [[0, 2, 0], [0, 0]]


def test_prompts_live_one_stage() -> None:
    network = lively(small())
    pixels, chance = network.preprocess(images()), torch.Generator().manual_seed(2)
    early, late = torch.randn(3, 8, generator=chance), torch.randn(2, 16, generator=chance)
    assert [slot.stage for slot in network.prompt_slots] == [0, 0, 1, 1]
    assert [slot.channels for slot in network.prompt_slots] == [8, 8, 16, 16]
    with torch.no_grad():
        assert "prompts" not in network.features(pixels, {0: early}).extras
        seen = network.features(pixels, {0: early, 2: late})
        cells = network.patch_embed["norm"](network.patch_embed["proj"](pixels).flatten(2).transpose(1, 2))
        tokens = torch.cat([cells, early.expand(3, -1, -1)], 1)
        for block in network.layers[0].blocks:
            tokens = block(tokens)
        torch.testing.assert_close(seen.stages[0].flatten(2).transpose(1, 2), tokens[:, :144])
        tokens = network.layers[0].downsample(tokens[:, :144])
        tokens = torch.cat([tokens, late.expand(3, -1, -1)], 1)
        for block in network.layers[1].blocks:
            tokens = block(tokens)
        torch.testing.assert_close(seen.extras["prompts"], network.norm(tokens)[:, 36:])


def test_unlike_depths_and_heads_are_refused() -> None:
    with pytest.raises(UserError, match="depths and heads of as many stages; it has 3 and 2"):
        swin(depths=(1, 1, 1), heads=(1, 2))
    with pytest.raises(UserError, match="1 px holds no patch of 2 px"):
        swin(size_px=1)
