"""Our PReLU is the framework's, in values, gradients and names."""

import copy

import pytest
import torch
from torch import nn

from facedistill.backbones.prelu import PReLU


def _pair(channels: int) -> tuple[PReLU, nn.PReLU]:
    ours = PReLU(channels)
    with torch.no_grad():
        ours.weight.copy_(torch.linspace(-0.5, 1.5, channels))
    theirs = nn.PReLU(channels)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_the_frameworks(layout: torch.memory_format) -> None:
    ours, theirs = _pair(5)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 5, 4, 6, generator=generator).contiguous(memory_format=layout)
    x[0, 0, 0, 0] = 0.0
    upstream = torch.randn(3, 5, 4, 6, generator=generator)
    mine, his = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours(mine).backward(upstream)
    theirs(his).backward(upstream)
    rounding = {"rtol": 2e-6, "atol": 1e-6}
    assert torch.equal(ours(mine), theirs(his))
    torch.testing.assert_close(mine.grad, his.grad, **rounding)
    assert ours(mine).stride() == mine.grad.stride() == x.stride(), "the layout stays"
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-5, atol=1e-5)


def test_without_gradient_it_is_the_plain_operator() -> None:
    ours, theirs = _pair(2)
    x = torch.tensor([[[[-2.0]], [[3.0]]]])
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


def test_bfloat16_trains_a_float32_slope() -> None:
    ours, _ = _pair(4)
    ours = copy.deepcopy(ours)
    ours(torch.randn(2, 4, 3, 3).bfloat16().requires_grad_()).sum().backward()
    assert ours.weight.grad.dtype == torch.float32


def test_what_comes_in_is_left_alone() -> None:
    ours, _ = _pair(3)
    x, upstream = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randn(2, 3, 4, 4)
    kept = x.detach().clone(), upstream.clone()
    ours(x).backward(upstream)
    assert torch.equal(x.detach(), kept[0])
    assert torch.equal(upstream, kept[1])


def test_training_and_evaluation_agree_in_bfloat16() -> None:
    ours, theirs = _pair(6)
    x = torch.randn(2, 6, 5, 5, generator=torch.Generator().manual_seed(1)).bfloat16()
    trained = ours(x.clone().requires_grad_()).detach()
    with torch.no_grad():
        torch.testing.assert_close(trained, theirs.bfloat16()(x), rtol=2**-7, atol=1e-3)
