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
    torch.testing.assert_close(ours(mine), theirs(his), rtol=0, atol=0)
    torch.testing.assert_close(mine.grad, his.grad, rtol=0, atol=0)
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
