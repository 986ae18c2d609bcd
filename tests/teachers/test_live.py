"""A live teacher is frozen for good, and answers in float32 from one file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.backbones.load import save_backbone
from facedistill.errors import UserError
from facedistill.signature import build
from facedistill.teachers.contract import AbstractTeacher
from facedistill.teachers.live import Live
from facedistill.types import Batch, Features


class Sleepy(AbstractBackbone):
    """All that must not wake: dropout and BatchNorm."""

    def __init__(self) -> None:
        super().__init__(Preprocess(8))
        self.stem = nn.Conv2d(3, 4, 4, stride=4)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.5)
        self.embed = nn.Linear(4, 6)

    def features(self, pixels: Tensor) -> Features:
        cells = self.dropout(self.norm(self.stem(pixels)))
        return Features(self.embed(cells.mean((2, 3))), (cells,))


def sleepy() -> AbstractBackbone:
    return Sleepy()


CHOICE = f"{__name__}.sleepy"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    torch.manual_seed(0)
    save_backbone(Sleepy(), CHOICE, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def some_images(count: int = 3) -> Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def about(images: Tensor) -> Batch:
    nobody = torch.full((len(images),), -1)
    return Batch(nobody, nobody, nobody, torch.tensor(0.0))


def test_train_wakes_nothing(weights: Path) -> None:
    teacher = Live(weights=weights)
    before = {name: tensor.clone() for name, tensor in teacher.frozen.network.state_dict().items()}
    images = some_images()
    first = teacher.train()(images, about(images))
    nn.ModuleList([teacher]).train()
    second = teacher(images, about(images))
    assert torch.equal(first.embedding, second.embedding)
    assert torch.equal(first.stages[0], second.stages[0])
    for name, tensor in teacher.frozen.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not any(parameter.requires_grad for parameter in teacher.frozen.network.parameters())


def test_waking_it_behind_its_back_is_an_error(weights: Path) -> None:
    teacher = Live(weights=weights)
    teacher.frozen.network.train()
    images = some_images()
    with pytest.raises(RuntimeError, match="training mode"):
        teacher(images, about(images))


def test_it_answers_as_the_network_does(weights: Path) -> None:
    network = Sleepy().eval()
    teacher = Live(weights=weights.parent)
    network.load_state_dict(teacher.frozen.network.state_dict())
    images = some_images()
    expected = network(images)
    torch.testing.assert_close(teacher(images, about(images)).embedding, expected.embedding)
    torch.testing.assert_close(teacher.reference(images), expected.embedding)
    assert teacher.provides == {"embedding", "stages"}
    assert (teacher.spec.embedding, teacher.spec.stages[0].channels, teacher.spec.size_px) == (6, 4, 8)


def test_nothing_of_it_is_trained_or_saved_but_others_learn_from_it(weights: Path) -> None:
    teacher = Live(weights=weights)
    images = some_images()
    answers = teacher(images, about(images))
    learner = nn.Linear(6, 2)
    learner(answers.embedding).sum().backward()
    assert learner.weight.grad is not None
    assert not answers.embedding.requires_grad
    assert not teacher.learns
    assert not teacher.state_dict()


def test_precision_is_its_own(weights: Path) -> None:
    images = some_images()
    plain, coarse = Live(weights=weights), Live(weights=weights, precision="bf16")
    exact = plain(images, about(images)).embedding
    with torch.autocast("cpu", torch.bfloat16):
        surrounded = plain(images, about(images)).embedding
    rough = coarse(images, about(images))
    assert torch.equal(exact, surrounded)
    assert rough.embedding.dtype == rough.stages[0].dtype == torch.float32
    assert not torch.equal(rough.embedding, exact)
    torch.testing.assert_close(rough.embedding, exact, rtol=0.05, atol=0.05)


def test_it_follows_to(weights: Path) -> None:
    teacher = Live(weights=weights).to(torch.float64)
    assert teacher.frozen.network.embed.weight.dtype == torch.float64


def test_a_head_beside_the_weights_is_its_classifier(weights: Path) -> None:
    assert Live(weights=weights).head_centres() is None
    centres = torch.randn(5, 6)
    save_file({"centres": centres}, weights.with_name("head.safetensors"))
    found = Live(weights=weights.parent).head_centres()
    assert found is not None
    assert torch.equal(found, centres)
    save_file({"weight": centres}, weights.with_name("head.safetensors"))
    with pytest.raises(UserError, match=r"head\.safetensors holds no 'centres'"):
        Live(weights=weights).head_centres()


def test_a_recipe_builds_it(weights: Path) -> None:
    teacher = build("teachers", AbstractTeacher, {"live": {"weights": str(weights), "precision": "bf16"}})
    assert isinstance(teacher, Live)
    with pytest.raises(UserError, match="no weights"):
        build("teachers", AbstractTeacher, {"live": {"weights": "nowhere.safetensors"}})


@pytest.mark.real
def test_edgeface_from_safetensors_equals_its_onnx(shared: Path) -> None:
    models = shared / "models"
    images = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    torch_form = Live(weights=models / "edgeface_xs.safetensors", backbone="edgenext_xs")
    onnx_form = Live(weights=models / "edgeface_xs.onnx")
    expected = onnx_form(images, about(images)).embedding
    torch.testing.assert_close(torch_form(images, about(images)).embedding, expected, rtol=0, atol=1e-4)
