"""A convolution that keeps its gradient in float32 under a CPU's autocast."""

import torch
from torch import Tensor, nn

from facedistill.backbones.depthwise import Depthwise


def pair() -> tuple[Depthwise, nn.Conv2d]:
    torch.manual_seed(0)
    ours, plain = (kind(6, 6, 3, 2, 1, groups=6, bias=False) for kind in (Depthwise, nn.Conv2d))
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def learned(conv: nn.Conv2d, images: Tensor, *, bf16: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Answer and gradients, of images that are as bfloat16 as a map inside a network would be."""
    images = images.detach().clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        answer = conv(images.bfloat16() if bf16 else images)
    (answer.float() * torch.linspace(-1, 1, answer.numel()).view_as(answer)).sum().backward()
    assert images.grad is not None
    assert conv.weight.grad is not None
    return answer.detach(), images.grad, conv.weight.grad


def test_in_float32_it_is_the_plain_convolution() -> None:
    images = torch.randn(2, 6, 9, 9)
    ours, plain = pair()
    for mine, his in zip(learned(ours, images, bf16=False), learned(plain, images, bf16=False), strict=True):
        assert torch.equal(mine, his)


def test_under_autocast_only_inputs_and_answers_are_rounded() -> None:
    images = torch.randn(2, 6, 9, 9).bfloat16().float()
    ours, plain = pair()
    answer, _, weight = learned(ours, images, bf16=True)
    exact, _, _ = learned(plain, images, bf16=False)
    assert answer.dtype == torch.bfloat16
    assert torch.equal(answer, exact.bfloat16()), "the weights were not rounded, and nothing was summed in bfloat16"
    assert weight.dtype == torch.float32


def test_without_gradients_it_rounds_as_autocast_does() -> None:
    images = torch.randn(2, 6, 9, 9).bfloat16()
    ours, plain = pair()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours(images), plain(images))
