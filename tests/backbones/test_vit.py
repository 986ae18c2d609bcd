"""ViT: shapes and names of the field, equations against a plain computation, prompts in its blocks."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facedistill.backbones.contract import AbstractPromptable
from facedistill.backbones.vit import vit, vit_b, vit_insightface, vit_l, vit_s, vit_t
from facedistill.errors import UserError
from facedistill.testing import check_backbone

small = partial(vit, width=12, depth=5, heads=3, patch_px=8, size_px=32, embedding=10)


def lively(network: AbstractPromptable) -> AbstractPromptable:
    """Weights large enough for every part to show."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    return network.eval()


def images(side: int = 32) -> Tensor:
    return torch.randint(0, 256, (3, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("pool", ["flatten", "mean"])
def test_it_keeps_every_backbones_promises(pool: str) -> None:
    check_backbone(partial(small, pool=pool))


def test_the_four_sizes() -> None:
    with torch.device("meta"):
        sizes = {f.__name__: f(pool="mean") for f in (vit_t, vit_s, vit_b, vit_l)}
    described = {
        name: (len(network.blocks), network.width, network.blocks[0].attn.heads) for name, network in sizes.items()
    }
    # DeiT (arXiv 2012.12877), table 1; ViT (arXiv 2010.11929), table 1.
    assert described == {
        "vit_t": (12, 192, 3),
        "vit_s": (12, 384, 6),
        "vit_b": (12, 768, 12),
        "vit_l": (24, 1024, 16),
    }
    assert [stage.grid for stage in sizes["vit_t"].spec.stages] == [(14, 14)] * 4


def test_insightfaces_form_has_its_names_and_shapes() -> None:
    with torch.device("meta"):
        network = vit_insightface(size="t")
    state = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert state["patch_embed.proj.weight"] == (256, 3, 9, 9)
    assert state["pos_embed"] == (1, 144, 256)
    assert state["blocks.11.attn.qkv.weight"] == (768, 256)
    assert "blocks.11.attn.qkv.bias" not in state
    assert state["blocks.0.mlp.fc1.weight"] == (1024, 256)
    assert state["feature.0.weight"] == (256, 256 * 144)
    assert state["feature.1.running_var"] == (256,)
    assert state["feature.2.weight"] == (512, 256)
    assert state["feature.3.bias"] == (512,)
    top = {name.partition(".")[0] for name in state}
    assert top == {"patch_embed", "pos_embed", "blocks", "norm", "feature"}
    assert network.spec.stages[-1].grid == (12, 12)
    assert not network.blocks[0].mlp.activation(torch.tensor(7.0)) > 6


def test_against_a_plain_computation() -> None:
    network = lively(small(depth=1))
    pixels = (images().double() - 127.5) / 127.5
    w = {name: tensor.double() for name, tensor in network.state_dict().items()}
    patches = torch.stack([pixels[:, :, r : r + 8, c : c + 8] for r in range(0, 32, 8) for c in range(0, 32, 8)], 1)
    kernel = w["patch_embed.proj.weight"].flatten(1)
    tokens = patches.flatten(2) @ kernel.T + w["patch_embed.proj.bias"] + w["pos_embed"]
    normed = F.layer_norm(tokens, (12,), w["blocks.0.norm1.weight"], w["blocks.0.norm1.bias"])
    tokens = tokens + network.double().blocks[0].attn(normed).detach()
    normed = F.layer_norm(tokens, (12,), w["blocks.0.norm2.weight"], w["blocks.0.norm2.bias"])
    hidden = F.gelu(normed @ w["blocks.0.mlp.fc1.weight"].T + w["blocks.0.mlp.fc1.bias"])
    tokens = tokens + hidden @ w["blocks.0.mlp.fc2.weight"].T + w["blocks.0.mlp.fc2.bias"]
    last = F.layer_norm(tokens, (12,), w["norm.weight"], w["norm.bias"])
    with torch.no_grad():
        seen = network.features(pixels)
    torch.testing.assert_close(seen.stages[-1][:, :, 2, 1], last[:, 9], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(seen.embedding, network.feature(last).detach(), rtol=1e-5, atol=1e-5)


def test_pixels_beyond_the_last_whole_patch_do_not_count() -> None:
    network = lively(small(size_px=32, patch_px=9))
    changed = images().clone()
    changed[:, :, 27:] = 0
    changed[:, :, :, 27:] = 255
    with torch.no_grad():
        assert torch.equal(network(images()).embedding, network(changed).embedding)
    assert network.spec.stages[0].grid == (3, 3)


def test_stages_are_at_the_quarters() -> None:
    for depth, ends in {12: [2, 5, 8, 11], 5: [1, 2, 3, 4], 2: [0, 1], 1: [0]}.items():
        network = small(depth=depth)
        assert network.ends == ends
        assert len(network.spec.stages) == len(ends)


def test_prompts_travel_to_the_end_until_replaced() -> None:
    network = lively(small(depth=3))
    pixels, first = network.preprocess(images()), torch.randn(4, 12)
    with torch.no_grad():
        tokens = network.patch_embed["proj"](pixels).flatten(2).transpose(1, 2) + network.pos_embed
        joined = torch.cat([tokens, first.expand(3, -1, -1)], 1)
        for block in network.blocks:
            joined = block(joined)
        joined = network.norm(joined)
        seen = network.features(pixels, {0: first})
        torch.testing.assert_close(seen.extras["prompts"], joined[:, 16:])
        torch.testing.assert_close(seen.stages[-1].flatten(2), joined[:, :16].transpose(1, 2))
        later = network.features(pixels, {0: first, 2: torch.randn(2, 12)})
        assert later.extras["prompts"].shape == (3, 2, 12)
        torch.testing.assert_close(later.stages[1], seen.stages[1])


def test_a_patch_larger_than_the_image_is_refused() -> None:
    with pytest.raises(UserError, match="16 px holds no patch of 18 px"):
        vit(size_px=16, patch_px=18)
