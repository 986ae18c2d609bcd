"""The two MobileFaceNets: their published sizes, their grids, and that they learn."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from facedistill.backbones.contract import AbstractBackbone
from facedistill.backbones.mobilefacenet import mbf_2m1, mobilefacenet_1m2
from facedistill.errors import UserError

Builder = Callable[..., AbstractBackbone]
BOTH = pytest.mark.parametrize("build", [mobilefacenet_1m2, mbf_2m1])


def multiply_adds(backbone: AbstractBackbone) -> int:
    """Of one image, counted from what each convolution and linear layer puts out."""
    total = 0

    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        total += output[0].numel() * module.weight[0].numel()

    for module in backbone.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    size_px = backbone.preprocess.size_px
    backbone.eval()(torch.zeros(1, 3, size_px, size_px, dtype=torch.uint8))
    return total


def weights(backbone: AbstractBackbone) -> int:
    return sum(weight.numel() for weight in backbone.parameters())


@pytest.mark.parametrize(
    ("build", "millions", "giga_multiply_adds"), [(mobilefacenet_1m2, 1.20, 0.221), (mbf_2m1, 2.06, 0.438)]
)
def test_weights_and_multiply_adds_are_the_published(
    build: Builder, millions: float, giga_multiply_adds: float
) -> None:
    backbone = build()
    assert weights(backbone) / 1e6 == pytest.approx(millions, abs=0.01)
    assert multiply_adds(backbone) / 1e9 == pytest.approx(giga_multiply_adds, abs=0.001)


def test_the_paper_counts_a_million_with_its_own_embedding() -> None:
    assert weights(mobilefacenet_1m2(embedding=128)) / 1e6 == pytest.approx(1.00, abs=0.01)


def test_the_papers_network_layer_by_layer() -> None:
    """Multiply-adds of table 1 of the paper: (expansion, channels, blocks, stride) at 112 px."""
    grid, channels = 56, 64
    total = 27 * 64 * grid**2 + 9 * 64 * grid**2
    for expansion, width, blocks, stride in [
        (2, 64, 5, 2),
        (4, 128, 1, 2),
        (2, 128, 6, 1),
        (4, 128, 1, 2),
        (2, 128, 2, 1),
    ]:
        for block in range(blocks):
            inside, fine = expansion * channels, grid
            grid = grid // stride if block == 0 else grid
            total += channels * inside * fine**2 + (9 * inside + inside * width) * grid**2
            channels = width
    total += 128 * 512 * 49 + 512 * 49 + 512 * 512
    assert multiply_adds(mobilefacenet_1m2()) == total


@BOTH
@pytest.mark.parametrize(("size_px", "grids"), [(112, (56, 28, 14, 7)), (64, (32, 16, 8, 4)), (100, (50, 25, 13, 7))])
def test_grids_are_those_of_the_size(build: Builder, size_px: int, grids: tuple[int, ...]) -> None:
    spec = build(size_px=size_px, embedding=32).spec
    assert [stage.grid for stage in spec.stages] == [(grid, grid) for grid in grids]
    assert spec.stages[-1].channels == 512
    assert (spec.embedding, spec.size_px) == (32, size_px)


@BOTH
def test_learns_random_labels(build: Builder) -> None:
    torch.manual_seed(0)
    backbone, labels = build(size_px=32, embedding=16).train(), torch.arange(8)
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    optimiser = torch.optim.SGD(backbone.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(12):
        loss = nn.functional.cross_entropy(backbone(images).embedding, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 1
    assert losses[-1] < 0.25 * losses[0]


@BOTH
def test_memory_format_and_bf16_autocast(build: Builder) -> None:
    torch.manual_seed(0)
    backbone = build(size_px=32, embedding=16).eval()
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        plain = backbone(images).embedding
        last = backbone.to(memory_format=torch.channels_last)(images.contiguous(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            half = backbone(images).embedding
    torch.testing.assert_close(plain, last.embedding, atol=1e-4, rtol=1e-4)
    assert half.dtype == torch.float32
    assert torch.cosine_similarity(plain, half).min() > 0.995


@pytest.mark.parametrize("size_px", [0, -5])
def test_no_pixels_are_no_input(size_px: int) -> None:
    with pytest.raises(UserError, match=f"size_px must be at least 1, and is {size_px}"):
        mobilefacenet_1m2(size_px=size_px)
