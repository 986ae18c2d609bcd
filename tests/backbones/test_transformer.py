"""The parts of Transformers against plain loops."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facedistill.backbones.transformer import Attention, Embed, StochasticDepth, attend, growing, with_prompts
from facedistill.errors import UserError


@pytest.mark.parametrize("qkv_bias", [True, False])
def test_attention_against_plain_loops(qkv_bias: bool) -> None:
    torch.manual_seed(0)
    attention = Attention(6, 2, qkv_bias=qkv_bias).double()
    tokens = torch.randn(2, 4, 6, dtype=torch.float64)
    qkv_weight = attention.qkv.weight.detach().numpy()
    qkv_offset = attention.qkv.bias.detach().numpy() if qkv_bias else np.zeros(18)
    expected = np.zeros((2, 4, 6))
    for image in range(2):
        projected = [qkv_weight @ token + qkv_offset for token in tokens[image].numpy()]
        for head in range(2):
            q, k, v = ([row[part * 6 + head * 3 : part * 6 + head * 3 + 3] for row in projected] for part in range(3))
            for i in range(4):
                powers = [math.exp(float(q[i] @ k[j]) / math.sqrt(3)) for j in range(4)]
                read = sum(power * value for power, value in zip(powers, v, strict=True)) / sum(powers)
                expected[image, i, head * 3 : head * 3 + 3] = read
    expected = expected @ attention.proj.weight.detach().numpy().T + attention.proj.bias.detach().numpy()
    np.testing.assert_allclose(attention(tokens).detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("biased", [False, True])
def test_attention_in_bfloat16_is_the_same_up_to_rounding(biased: bool) -> None:
    torch.manual_seed(0)
    qkv, bias = torch.randn(3, 5, 24), torch.randn(2, 5, 5) if biased else None
    exact = attend(qkv, 2, bias)
    coarse = attend(qkv.bfloat16(), 2, bias)
    assert coarse.dtype == torch.bfloat16
    torch.testing.assert_close(coarse.float(), exact, atol=0.03, rtol=0.02)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(UserError, match="width 10 cannot have 4 heads"):
        Attention(10, 4)


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop, branch = StochasticDepth(0.25), torch.ones(4000, 2, 3)
    kept = drop(branch)
    assert kept.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert torch.equal(kept.amin((1, 2)), kept.amax((1, 2)))
    assert kept.mean() == pytest.approx(1, abs=0.05)
    assert drop.eval()(branch) is branch


def test_rates_grow_to_the_last_block() -> None:
    assert growing(0.3, 4) == pytest.approx([0, 0.1, 0.2, 0.3])
    assert growing(0.3, 1) == [0]


def test_embed_reads_cells_side_by_side_or_their_mean() -> None:
    torch.manual_seed(0)
    cells = torch.randn(3, 4, 5)
    flat, mean = Embed(5, 4, 6, pool="flatten").eval(), Embed(5, 4, 6, pool="mean", hidden=7).eval()
    shrink = math.sqrt(1 + 2e-5)
    torch.testing.assert_close(flat(cells), cells.flatten(1) @ flat[0].weight.T / shrink)
    expected = F.linear(cells.mean(1), mean[0].weight) / shrink @ mean[2].weight.T / shrink
    torch.testing.assert_close(mean(cells), expected)


def test_prompts_stand_behind_the_tokens_of_every_image() -> None:
    tokens, prompts = torch.randn(2, 3, 4), torch.randn(5, 4)
    joined = with_prompts(tokens, prompts)
    assert joined.shape == (2, 8, 4)
    assert torch.equal(joined[:, :3], tokens)
    assert torch.equal(joined[0, 3:], prompts)
    assert torch.equal(joined[1, 3:], prompts)
