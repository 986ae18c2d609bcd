"""IResNet: public sizes and tensor names, grids, and the frozen scale of the last normalisation."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from facedistill.backbones import iresnet
from facedistill.backbones.contract import AbstractBackbone

BLOCKS = {"18": (2, 2, 2, 2), "34": (3, 4, 6, 3), "50": (3, 4, 14, 3), "100": (3, 13, 30, 3)}
BUILDERS: dict[str, Callable[..., AbstractBackbone]] = {
    "18": iresnet.iresnet_18,
    "34": iresnet.iresnet_34,
    "50": iresnet.iresnet_50,
    "100": iresnet.iresnet_100,
}


def on_meta(size: str) -> AbstractBackbone:
    """Shapes without data: the largest has 65 M weights."""
    with torch.device("meta"):
        return BUILDERS[size]()


def small() -> AbstractBackbone:
    torch.manual_seed(0)
    return iresnet.iresnet_18(size_px=32, embedding=16)


def images() -> Tensor:
    return torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("size", "millions", "giga_multiply_adds"),
    [("18", 24.03, 2.61), ("34", 34.14, 4.46), ("50", 43.59, 6.31), ("100", 65.16, 12.09)],
)
def test_weights_and_multiply_adds_are_the_published(size: str, millions: float, giga_multiply_adds: float) -> None:
    backbone = on_meta(size).eval()
    total = 0

    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        total += output[0].numel() * module.weight[0].numel()

    for module in backbone.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    backbone.features(torch.empty(1, 3, 112, 112, device="meta"))
    assert sum(weight.numel() for weight in backbone.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
    assert total / 1e9 == pytest.approx(giga_multiply_adds, abs=0.05)


@pytest.mark.parametrize("size", BUILDERS)
def test_state_dict_has_the_public_names_and_shapes(size: str) -> None:
    found = {name: tuple(tensor.shape) for name, tensor in on_meta(size).state_dict().items()}
    assert found == _public_shapes(BLOCKS[size])


def _public_shapes(blocks: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of insightface's files, written down from their layout."""

    def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
        kinds = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.{kind}": (width,) for kind in kinds} | {f"{name}.num_batches_tracked": ()}

    shapes = {"conv1.weight": (64, 3, 3, 3), "prelu.weight": (64,)} | norm("bn1", 64)
    width_in = 64
    for layer, (width, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=1):
        for block in range(count):
            name = f"layer{layer}.{block}"
            shapes |= norm(f"{name}.bn1", width_in) | norm(f"{name}.bn2", width) | norm(f"{name}.bn3", width)
            shapes |= {f"{name}.conv1.weight": (width, width_in, 3, 3), f"{name}.conv2.weight": (width, width, 3, 3)}
            shapes |= {f"{name}.prelu.weight": (width,)}
            if block == 0:
                shapes |= {f"{name}.downsample.0.weight": (width, width_in, 1, 1)} | norm(f"{name}.downsample.1", width)
            width_in = width
    shapes |= {"fc.weight": (512, 512 * 49), "fc.bias": (512,)}
    return shapes | norm("bn2", 512) | norm("features", 512)


def test_public_names_load_strictly_even_into_a_copy_and_below_another_module() -> None:
    backbone = small()
    other = copy.deepcopy(backbone)
    state = {name: tensor + 1 for name, tensor in backbone.state_dict().items()}
    assert other.load_state_dict(state, strict=True).missing_keys == []
    assert all(torch.equal(tensor, state[name]) for name, tensor in other.state_dict().items())
    assert torch.equal(other.last_norm.bias, backbone.last_norm.bias + 1)
    assert not torch.equal(other.fc.bias, backbone.fc.bias)
    holder = nn.ModuleDict({"student": other})
    assert "student.features.weight" in holder.state_dict()
    holder.load_state_dict(holder.state_dict(), strict=True)


@pytest.mark.parametrize(("size_px", "grids"), [(112, (56, 28, 14, 7)), (64, (32, 16, 8, 4)), (100, (50, 25, 13, 7))])
def test_grids_are_those_of_the_size(size_px: int, grids: tuple[int, ...]) -> None:
    with torch.device("meta"):
        spec = iresnet.iresnet_18(size_px=size_px, embedding=32).spec
    assert [(stage.channels, *stage.grid) for stage in spec.stages] == [
        (width, grid, grid) for width, grid in zip((64, 128, 256, 512), grids, strict=True)
    ]
    assert (spec.embedding, spec.size_px) == (32, size_px)


def test_training_moves_all_but_the_last_scale_and_lowers_the_loss() -> None:
    backbone, labels, losses = small().train(), torch.arange(4), []
    before = {name: weight.clone() for name, weight in backbone.named_parameters()}
    trained = [weight for weight in backbone.parameters() if weight.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=0.02, momentum=0.9)
    for _ in range(12):
        loss = nn.functional.cross_entropy(backbone(images()).embedding, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    still = {name for name, weight in backbone.named_parameters() if torch.equal(weight, before[name])}
    assert still == {"last_norm.weight"}
    assert torch.equal(backbone.last_norm.weight, torch.ones(16))
    assert losses[-1] < 0.5 * losses[0]


def test_block_strides_in_its_second_convolution() -> None:
    """Against the block's definition, written with functions."""
    torch.manual_seed(0)
    block = iresnet._Block(3, 5, stride=2).eval()
    map = torch.randn(2, 3, 7, 7)
    for norm in (module for module in block.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean, -1, 1)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    seen = nn.functional.conv2d(_normalised(map, block.bn1), block.conv1.weight, padding=1)
    seen = nn.functional.prelu(_normalised(seen, block.bn2), block.prelu.weight)
    seen = _normalised(nn.functional.conv2d(seen, block.conv2.weight, padding=1, stride=2), block.bn3)
    shortcut = nn.functional.conv2d(map, block.downsample[0].weight, stride=2)
    torch.testing.assert_close(block(map), seen + _normalised(shortcut, block.downsample[1]))


def _normalised(map: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    mean, variance = norm.running_mean[:, None, None], norm.running_var[:, None, None]
    return (map - mean) / (variance + 1e-5).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]


def test_memory_format_and_bf16_autocast() -> None:
    backbone = small().eval()
    with torch.no_grad():
        plain = backbone(images()).embedding
        last = backbone.to(memory_format=torch.channels_last)(images().contiguous(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            half = backbone(images()).embedding
    torch.testing.assert_close(plain, last.embedding, atol=1e-4, rtol=1e-3)
    assert half.dtype == torch.float32
    assert torch.cosine_similarity(plain, half).min() > 0.99
