"""APT: gradients reach the prompts and only the prompts, and the trunk answers as before without them."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facedistill.backbones.contract import (
    NO_PROMPTS,
    AbstractBackbone,
    AbstractPromptable,
    Preprocess,
    Prompts,
    PromptSlot,
)
from facedistill.backbones.load import save_backbone
from facedistill.errors import UserError
from facedistill.signature import build
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.teachers.contract import AbstractTeacher
from facedistill.teachers.prompted import Prompted
from facedistill.testing import check_teacher
from facedistill.types import Batch, Features

STAGES = (0, 0, 1, 1, 1)
"""Stage of each of the toy's blocks."""
WIDTHS = (4, 6)


class Toy(AbstractPromptable):
    """Two stages of blocks that mix every token with the mean of all; BatchNorm and dropout that must not wake."""

    def __init__(self) -> None:
        super().__init__(Preprocess(8))
        self.patches = nn.Conv2d(3, WIDTHS[0], 2, stride=2)
        self.norm = nn.BatchNorm2d(WIDTHS[0])
        self.dropout = nn.Dropout(0.5)
        self.merge = nn.Conv2d(WIDTHS[0], WIDTHS[1], 2, stride=2)
        self.blocks = nn.ModuleList(nn.Linear(WIDTHS[stage], WIDTHS[stage]) for stage in STAGES)
        self.embed = nn.Linear(WIDTHS[1], 5)

    @property
    def prompt_slots(self) -> tuple[PromptSlot, ...]:
        return tuple(PromptSlot(stage, WIDTHS[stage]) for stage in STAGES)

    def features(self, pixels: Tensor, prompts: Prompts = NO_PROMPTS) -> Features:
        cells = self.dropout(self.norm(self.patches(pixels)))
        first, _ = self._stage(0, cells, prompts)
        last, outputs = self._stage(1, self.merge(first), prompts)
        extras = {} if outputs is None else {"prompts": outputs}
        return Features(self.embed(last.mean((2, 3))), (first, last), extras)

    def _stage(self, number: int, cells: Tensor, prompts: Prompts) -> tuple[Tensor, Tensor | None]:
        tokens, carried = cells.flatten(2).transpose(1, 2), None
        count = tokens.shape[1]
        for i, block in enumerate(self.blocks):
            if STAGES[i] != number:
                continue
            carried = prompts[i].expand(len(tokens), -1, -1) if i in prompts else carried
            both = tokens if carried is None else torch.cat([tokens, carried], 1)
            both = both + torch.tanh(block(both + both.mean(1, keepdim=True)))
            tokens, carried = both[:, :count], None if carried is None else both[:, count:]
        return tokens.transpose(1, 2).unflatten(2, cells.shape[2:]), carried


class Plain(AbstractBackbone):
    def __init__(self) -> None:
        super().__init__(Preprocess(8))
        self.embed = nn.Linear(3, 5)

    def features(self, pixels: Tensor) -> Features:
        return Features(self.embed(pixels.mean((2, 3))), (pixels,))


def toy() -> AbstractPromptable:
    return Toy()


def plain() -> AbstractBackbone:
    return Plain()


Make = Callable[..., Prompted]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    torch.manual_seed(0)
    save_backbone(Toy(), f"{__name__}.toy", tmp_path / "model.safetensors")
    save_backbone(Plain(), f"{__name__}.plain", tmp_path / "plain.safetensors")
    return tmp_path


IMAGES = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 1, 2, -1, 1, 0])
BATCH = Batch(LABELS, torch.arange(6), torch.zeros(6, dtype=torch.int64), torch.tensor(0.5))


def a_classifier(identities: int = 3) -> TeacherClassifier:
    centres = torch.nn.functional.normalize(torch.randn(identities, 5, generator=torch.Generator().manual_seed(2)))
    return TeacherClassifier(identities, None, lambda: centres)


def test_it_keeps_every_teachers_promises(folder: Path) -> None:
    check_teacher(Prompted(weights=folder), IMAGES, BATCH)


def test_gradients_reach_the_prompts_and_only_the_prompts(folder: Path) -> None:
    teacher = Prompted(weights=folder).train()
    seen = teacher(IMAGES, BATCH)
    terms = teacher.terms(seen, BATCH, a_classifier())
    (terms["discrimination"] + seen.extras["prompts"].square().sum() + seen.stages[0].square().sum()).backward()
    assert [name for name, _ in teacher.named_parameters()] == [f"prompts.{i}" for i in range(5)]
    for name, prompt in teacher.named_parameters():
        assert prompt.grad is not None, name
        assert prompt.grad.abs().sum() > 0, name
    for name, parameter in teacher.trunk.network.named_parameters():
        assert parameter.grad is None, name
    assert teacher.learns


def test_training_moves_nothing_of_the_trunk(folder: Path) -> None:
    teacher = Prompted(weights=folder).train()
    before = {name: tensor.clone() for name, tensor in teacher.trunk.network.state_dict().items()}
    optimiser = torch.optim.SGD(teacher.parameters(), lr=1.0, weight_decay=0.1)
    start = teacher.prompts["0"].detach().clone()
    first = teacher.terms(teacher(IMAGES, BATCH), BATCH, a_classifier())["discrimination"]
    first.backward()
    optimiser.step()
    assert torch.equal(teacher(IMAGES, BATCH).embedding, teacher(IMAGES, BATCH).embedding)
    assert not torch.equal(teacher.prompts["0"], start)
    for name, tensor in teacher.trunk.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_nothing_is_recorded_before_the_first_prompted_block(folder: Path) -> None:
    teacher = Prompted(weights=folder)
    slots = teacher.trunk.network.prompt_slots
    late = {i: torch.zeros(2, slot.channels, requires_grad=True) for i, slot in enumerate(slots) if slot.stage == 1}
    seen = teacher.trunk.network.features(teacher.trunk.network.preprocess(IMAGES), late)
    assert not seen.stages[0].requires_grad
    assert seen.stages[1].requires_grad


@pytest.mark.parametrize(
    ("depth", "slots", "shown"), [("shallow", [0], False), ("stage", [0, 2], True), ("block", [0, 1, 2, 3, 4], True)]
)
def test_depth_and_count(depth: str, slots: list[int], shown: bool, folder: Path) -> None:
    teacher = build("teachers", AbstractTeacher, {"prompted": {"weights": str(folder), "depth": depth, "count": 3}})
    assert {name: tuple(prompt.shape) for name, prompt in teacher.prompts.items()} == {
        str(i): (3, WIDTHS[STAGES[i]]) for i in slots
    }
    assert ("prompts" in teacher.provides) == shown
    seen = teacher(IMAGES, BATCH)
    assert ("prompts" in seen.extras) == shown
    if shown:
        assert seen.extras["prompts"].shape == (6, 3, WIDTHS[1])


def test_prompts_start_within_vpts_bound_and_fill_it(folder: Path) -> None:
    teacher = Prompted(weights=folder, count=500)
    for name, prompt in teacher.prompts.items():
        bound = math.sqrt(6 / (3 * 2 * 2 + WIDTHS[STAGES[int(name)]]))  # patches of 2 px
        assert prompt.abs().max() <= bound
        assert prompt.abs().max() > 0.98 * bound
        assert abs(prompt.mean()) < 0.1 * bound


def test_reference_is_the_plain_trunk(folder: Path) -> None:
    teacher = Prompted(weights=folder).train()
    network = Toy().eval()
    network.load_state_dict(teacher.trunk.network.state_dict())
    embedding = teacher.reference(IMAGES)
    assert not embedding.requires_grad
    torch.testing.assert_close(embedding, network(IMAGES).embedding)
    assert not torch.allclose(embedding, teacher(IMAGES, BATCH).embedding)


def test_discrimination_against_plain_loops(folder: Path) -> None:
    teacher = Prompted(weights=folder, margin=0.2, scale=16.0)
    seen, classifier = teacher(IMAGES, BATCH), a_classifier()
    centres, losses = classifier.from_means(), []
    for z, label in zip(seen.embedding.detach(), LABELS.tolist(), strict=True):
        if label == -1:
            continue
        cos = [float(z @ w) / (float(z.norm()) * float(w.norm())) for w in centres]
        powers = [math.exp(16.0 * (c - 0.2 * (j == label))) for j, c in enumerate(cos)]
        losses.append(-math.log(powers[label] / sum(powers)))
    found = teacher.terms(seen, BATCH, classifier)["discrimination"]
    assert found.item() == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_without_labels_the_term_is_zero_and_has_a_gradient(folder: Path) -> None:
    teacher = Prompted(weights=folder)
    nobody = Batch(torch.full((6,), -1), BATCH.index, BATCH.view, BATCH.progress)
    term = teacher.terms(teacher(IMAGES, nobody), nobody, a_classifier())["discrimination"]
    assert term.item() == 0
    term.backward()


def test_centres_are_fetched_once_and_never_saved(folder: Path) -> None:
    teacher, calls = Prompted(weights=folder), []
    classifier = TeacherClassifier(3, None, lambda: calls.append(1) or torch.eye(5)[:3])
    for _ in range(2):
        teacher.terms(teacher(IMAGES, BATCH), BATCH, classifier)
    assert len(calls) == 1
    assert set(teacher.state_dict()) == {f"prompts.{i}" for i in range(5)}


def test_its_state_is_its_prompts(folder: Path) -> None:
    teacher, twin = Prompted(weights=folder), Prompted(weights=folder)
    assert not torch.equal(teacher(IMAGES, BATCH).embedding, twin(IMAGES, BATCH).embedding)
    twin.load_state_dict(teacher.state_dict(), strict=True)
    assert torch.equal(teacher(IMAGES, BATCH).embedding, twin(IMAGES, BATCH).embedding)


def test_a_network_without_slots_is_refused_and_those_with_are_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"takes no prompts; use teacher 'live', or one of: .*edgenext_xs"):
        Prompted(weights=folder / "plain.safetensors")


def test_a_count_of_none_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="count of 1 or more, not 0"):
        Prompted(weights=folder, count=0)


@pytest.mark.real
@pytest.mark.parametrize("depth", ["shallow", "stage", "block"])
def test_edgeface_with_prompts(depth: str, shared: Path) -> None:
    weights = shared / "models" / "edgeface_xs.safetensors"
    teacher = Prompted(weights=weights, backbone="edgenext_xs", depth=depth).train()
    images = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    seen = teacher(images, Batch(LABELS[:2], BATCH.index[:2], BATCH.view[:2], BATCH.progress))
    # The public weights' last attention is dead (its qkv weights are 0): its prompts show in their outputs alone.
    torch.stack([value.square().sum() for value in (seen.embedding, *seen.extras.values())]).sum().backward()
    assert all(prompt.grad is not None and prompt.grad.any() for prompt in teacher.parameters())
    assert not seen.stages[0].requires_grad  # stage 0 of EdgeNeXt has no attention
    assert seen.stages[-1].requires_grad
