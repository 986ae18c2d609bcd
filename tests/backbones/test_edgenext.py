"""EdgeNeXt equals the public EdgeFace networks; its attention equals plain loops; prompts do what they promise."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from facedistill.backbones import edgenext
from facedistill.backbones.contract import AbstractPromptable, PromptSlot

BUILDERS = {"xxs": edgenext.edgenext_xxs, "xs": edgenext.edgenext_xs, "s": edgenext.edgenext_s}


@pytest.fixture(scope="module")
def crops(shared: Path) -> Tensor:
    files = sorted((shared / "faces/lfw").glob("*/*.jpg"))[:8]
    images = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def awake() -> AbstractPromptable:
    """An untrained network whose residual branches weigh as much as in a trained one."""
    torch.manual_seed(0)
    backbone = edgenext.edgenext_xxs(size_px=64, embedding=16).eval()
    for name, tensor in backbone.named_parameters():
        if "gamma" in name:
            torch.nn.init.constant_(tensor, 0.5)
        elif name.endswith("weight") and tensor.ndim > 1:
            torch.nn.init.normal_(tensor, std=tensor[0].numel() ** -0.5)
    return backbone


def prompts_for(backbone: AbstractPromptable, *slots: int, count: int = 4) -> dict[int, Tensor]:
    widths = [slot.channels for slot in backbone.prompt_slots]
    random = torch.Generator().manual_seed(1)
    return {slot: torch.randn(count + slot, widths[slot], generator=random).requires_grad_() for slot in slots}


@pytest.mark.real
@pytest.mark.parametrize("size", ["xxs", "xs"])
def test_equals_the_public_networks_on_real_faces(size: str, crops: Tensor, shared: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    backbone = BUILDERS[size]().eval()
    backbone.load_state_dict(load_file(shared / f"models/edgeface_{size}.safetensors"), strict=True)
    session = onnxruntime.InferenceSession(shared / f"models/edgeface_{size}.onnx")
    pixels = (crops.numpy().astype(np.float32) - 127.5) / 127.5
    (expected,) = session.run(None, {session.get_inputs()[0].name: pixels})
    with torch.no_grad():
        seen = backbone(crops)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(seen.embedding, expected, atol=1e-5)


@pytest.mark.real
@pytest.mark.parametrize(("size", "moved"), [("xxs", [True, True, True]), ("xs", [True, True, False])])
def test_which_slots_of_the_public_networks_move_the_embedding(
    size: str, moved: list[bool], crops: Tensor, shared: Path
) -> None:
    backbone = BUILDERS[size]().eval()
    backbone.load_state_dict(load_file(shared / f"models/edgeface_{size}.safetensors"), strict=True)
    pixels = backbone.preprocess(crops)
    with torch.no_grad():
        plain = backbone.features(pixels).embedding
        prompted = [backbone.features(pixels, prompts_for(backbone, slot)).embedding for slot in range(3)]
    assert [bool((seen - plain).abs().max() > 1e-4) for seen in prompted] == moved


@pytest.mark.parametrize(
    ("size", "millions", "widths"),
    [("xxs", 1.24, (24, 48, 88, 168)), ("xs", 2.24, (32, 64, 100, 192)), ("s", 5.44, (48, 96, 160, 304))],
)
def test_weights_and_grids(size: str, millions: float, widths: tuple[int, ...]) -> None:
    backbone = BUILDERS[size]()
    assert sum(weight.numel() for weight in backbone.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
    assert tuple(stage.channels for stage in backbone.spec.stages) == widths
    assert [stage.grid for stage in backbone.spec.stages] == [(28, 28), (14, 14), (7, 7), (3, 3)]
    assert backbone.prompt_slots == tuple(PromptSlot(stage, widths[stage]) for stage in (1, 2, 3))


def test_cross_covariance_attention_equals_plain_loops() -> None:
    torch.manual_seed(0)
    width, heads, batch, count = 6, 2, 2, 5
    attention = edgenext._CrossCovarianceAttention(width, heads)
    torch.nn.init.uniform_(attention.temperature, 0.5, 2)
    tokens = torch.randn(batch, count, width)
    weights = {name: tensor.detach().double().numpy() for name, tensor in attention.named_parameters()}
    expected = np.stack([_attend(image.double().numpy(), weights, heads) for image in tokens])
    np.testing.assert_allclose(attention(tokens).detach(), expected, atol=1e-6)


def _attend(tokens: np.ndarray, weights: dict[str, np.ndarray], heads: int) -> np.ndarray:
    """XCA of one image, one channel pair at a time: channel c of a head reads channel d by the cosine over tokens."""
    width = tokens.shape[1]
    per_head = width // heads
    qkv = tokens @ weights["qkv.weight"].T + weights["qkv.bias"]
    mixed = np.zeros_like(tokens)
    for channel in range(width):
        head = channel // per_head
        q = qkv[:, channel]
        scores = []
        for other in range(head * per_head, (head + 1) * per_head):
            k = qkv[:, width + other]
            cosine = sum(q * k) / np.sqrt(sum(q * q) * sum(k * k))
            scores.append(np.exp(cosine * weights["temperature"][head, 0, 0]))
        for score, other in zip(scores, range(head * per_head, (head + 1) * per_head), strict=True):
            mixed[:, channel] += score / sum(scores) * qkv[:, 2 * width + other]
    return mixed @ weights["proj.weight"].T + weights["proj.bias"]


def test_position_equals_plain_loops() -> None:
    torch.manual_seed(0)
    position = edgenext._FourierPosition(8)
    code = np.zeros((64, 3, 5))
    for row in range(3):
        for column in range(5):
            for axis, (place, cells) in enumerate([(row + 1, 3), (column + 1, 5)]):
                for wave in range(16):
                    angle = place / cells * 2 * np.pi / 10_000 ** (wave / 16)
                    code[axis * 32 + 2 * wave, row, column] = np.sin(angle)
                    code[axis * 32 + 2 * wave + 1, row, column] = np.cos(angle)
    weight = position.token_projection.weight[:, :, 0, 0].detach().numpy()
    expected = np.einsum("oc,chw->ohw", weight, code) + position.token_projection.bias.detach().numpy()[:, None, None]
    np.testing.assert_allclose(position(torch.zeros(1, 8, 3, 5))[0].detach(), expected, atol=1e-5)


def test_without_prompts_the_answer_is_bit_for_bit_the_plain_network(awake: AbstractPromptable, images: Tensor) -> None:
    pixels = awake.preprocess(images)
    plain, unprompted = awake(images), awake.features(pixels, {})
    assert torch.equal(plain.embedding, unprompted.embedding)
    assert all(torch.equal(one, two) for one, two in zip(plain.stages, unprompted.stages, strict=True))
    assert plain.extras == {}


def test_gradients_reach_every_prompt_and_nothing_frozen(awake: AbstractPromptable, images: Tensor) -> None:
    awake.requires_grad_(False)
    prompts = prompts_for(awake, 0, 1, 2)
    awake.features(awake.preprocess(images), prompts).embedding.square().sum().backward()
    assert all(prompt.grad.abs().amax(dim=1).min() > 0 for prompt in prompts.values())
    assert all(weight.grad is None for weight in awake.parameters())


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_prompts_change_their_own_stage_and_all_after(slot: int, awake: AbstractPromptable, images: Tensor) -> None:
    pixels = awake.preprocess(images)
    with torch.no_grad():
        plain, prompted = awake.features(pixels), awake.features(pixels, prompts_for(awake, slot))
    changed = [not torch.equal(one, two) for one, two in zip(plain.stages, prompted.stages, strict=True)]
    assert changed == [stage > slot for stage in range(4)]
    assert (plain.embedding - prompted.embedding).abs().max() > 1e-3


def test_prompt_outputs_are_those_of_the_last_stage(awake: AbstractPromptable, images: Tensor) -> None:
    pixels = awake.preprocess(images)
    shallow = awake.features(pixels, prompts_for(awake, 0, 1))
    deep = awake.features(pixels, prompts_for(awake, 0, 1, 2))
    assert "prompts" not in shallow.extras  # none travels through a downsampling
    assert deep.extras["prompts"].shape == (3, 4 + 2, 168)
    assert deep.extras["prompts"].std(dim=0).amax() > 0  # each image answers its own


def test_prompts_are_further_tokens_to_attention_and_mlp(awake: AbstractPromptable) -> None:
    """A block where no convolution tells cells from prompts must treat both alike."""
    block = awake.model.stages[3].blocks[-1]
    for conv in block.convs:
        torch.nn.init.dirac_(conv.weight, groups=conv.groups)
    random = torch.Generator().manual_seed(2)
    cells, prompts = torch.randn(1, 168, 2, 3, generator=random), torch.randn(6, 168, generator=random)
    groups = list(cells.chunk(4, dim=1))
    for number in (1, 2):
        groups[number] = groups[number] + groups[number - 1]
    convolved, shortcut = torch.cat(groups, dim=1), torch.cat([cells.flatten(2), prompts.T[None]], dim=2)
    tokens = torch.cat([convolved.flatten(2), prompts.T[None]], dim=2).transpose(1, 2)
    tokens = tokens + block.gamma_xca * block.xca(block.norm_xca(tokens))
    expected = shortcut.transpose(1, 2) + block.gamma * block.mlp(block.norm(tokens))
    map, outputs = block(cells, prompts)
    torch.testing.assert_close(map, expected[:, :6].transpose(1, 2).unflatten(2, (2, 3)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(outputs, expected[:, 6:], atol=1e-5, rtol=1e-5)


def test_memory_format_and_bf16_autocast(awake: AbstractPromptable, images: Tensor) -> None:
    prompts = prompts_for(awake, 0, 1, 2)
    pixels = awake.preprocess(images)
    plain = awake.features(pixels, prompts).embedding
    strided = awake.features(pixels.contiguous(memory_format=torch.channels_last), prompts).embedding
    with torch.autocast("cpu", torch.bfloat16):
        half = awake.features(pixels, prompts).embedding
    assert half.dtype == torch.float32
    torch.testing.assert_close(plain, strided)
    assert torch.cosine_similarity(plain, half).min() > 0.995
