"""The loop against one written out by hand, and what happens where it breaks."""

import copy
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import tiny
import torch
from torch import Tensor, nn

from facedistill.data.folder import FolderFaces
from facedistill.data.loader import Loader
from facedistill.data.views import Views
from facedistill.heads.contract import AbstractHead
from facedistill.progress import Display
from facedistill.signature import build
from facedistill.speed.choices import Speed
from facedistill.train.loop import train_epoch
from facedistill.train.objective import Objective, Weights
from facedistill.train.optim import parameter_groups, sgd
from facedistill.train.schedule import cosine
from facedistill.train.step import NonFiniteLoss, Step
from facedistill.types import Batch

STEPS, LR, CLIP = 5, 0.3, 0.7


def batch(number: int) -> tuple[Tensor, Batch]:
    index = torch.arange(8)
    return tiny.images(8, seed=number), Batch(index % 3, index, torch.zeros_like(index), torch.tensor(0.0))


def objective(head: AbstractHead | None = None) -> Objective:
    torch.manual_seed(0)
    model = tiny.net()
    return Objective(model, head or build("heads", AbstractHead, {"cosface": {"scale": 8}}, embedding=8, identities=3))


def step_of(trained: Objective) -> Step:
    return Step(
        objective=trained,
        weights=Weights({}, {}),
        optimiser=sgd(parameter_groups(trained.parts(), {}), lr=LR),
        schedule=cosine(STEPS, STEPS, warmup_epochs=1.0),
        steps=STEPS,
        clip_norm=CLIP,
        device=torch.device("cpu"),
        speed=Speed(channels_last=False),
    )


def by_hand(model: nn.Module, head: nn.Module) -> list[tuple[float, float]]:
    """Loss and gradient norm of every step."""
    parts = [list(model.parameters()), list(head.parameters())]
    grouped = [[p for p in part if (p.ndim > 1) is decays] for part in parts for decays in (True, False)]
    decayed = [{"params": part, "weight_decay": 5e-4 if part[0].ndim > 1 else 0.0} for part in grouped if part]
    optimiser = torch.optim.SGD(decayed, lr=LR, momentum=0.9, nesterov=True)
    seen = []
    for number in range(STEPS):
        rate = 0.5 if number == 0 else (1 + math.cos(math.pi * (number - 1) / (STEPS - 1))) / 2
        for group in optimiser.param_groups:
            group["lr"] = LR * rate
        images, about = batch(number)
        loss = head(model(images).embedding, about.labels)
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_([p for part in grouped for p in part], CLIP)
        optimiser.step()
        seen.append((float(loss.detach()), float(norm)))
    return seen


def test_five_steps_equal_a_loop_by_hand_bit_for_bit() -> None:
    trained = objective().train()
    twin = copy.deepcopy(trained)
    step = step_of(trained)
    seen = [step(number, *batch(number)) for number in range(STEPS)]
    expected = by_hand(twin.model, twin.head)
    assert [(values["loss"], values["gradient_norm"]) for values in seen] == expected
    assert min(norm for _, norm in expected) > CLIP, "clipping takes part"
    for name, tensor in twin.state_dict().items():
        assert torch.equal(trained.state_dict()[name], tensor), name


class Breaking(AbstractHead):
    """A loss that is no number, or whose gradient is none, from its second call on."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.weight = nn.Parameter(torch.ones(8))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        self.calls += 1
        loss = (embedding * self.weight).mean()
        if self.calls < 2:
            return loss
        return loss * float("nan") if self.kind == "loss" else loss + (loss - loss.detach()).sqrt()


def state(step: Step) -> dict[str, Tensor]:
    momenta = {
        f"{number}.{name}": value
        for number, values in step.optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }
    return {name: tensor.clone() for name, tensor in {**step.objective.state_dict(), **momenta}.items()}


def same(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> bool:
    return before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_what_is_not_a_number_touches_neither_weights_nor_buffers(kind: str) -> None:
    step = step_of(objective(Breaking(kind)).train())
    step(0, *batch(0))
    before = state(step)
    with pytest.raises(NonFiniteLoss, match=f"the {kind} is not finite"):
        step(1, *batch(1))
    assert same(before, state(step))
    step.objective.model(batch(1)[0])
    assert not same(before, state(step)), "BatchNorm would have changed"


def test_the_place_of_a_failure_is_named(tmp_path: Path) -> None:
    faces = FolderFaces(tiny.write_faces(tmp_path / "faces", identities=4))
    loader = Loader(faces, Views.none(), batch=4, seed=0)
    step = step_of(objective(Breaking("loss")).train())
    with Display(STEPS) as display, pytest.raises(NonFiniteLoss) as error:
        train_epoch(step, loader, 0, display=display, logs=[], faces=faces)
    numbers = [about.index for _, about in loader.epoch(0)][1]
    assert "Stopped in epoch 1, step 2: the loss is not finite (margin nan, loss nan)" in str(error.value)
    for number in numbers[:3].tolist():
        assert faces.name(number) in str(error.value)
    assert "and 1 more" in str(error.value)
    assert error.value.exit_code == 1


class Remembered:
    """A log in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, dict[str, float]]] = []

    def write(self, step: int, values: Mapping[str, int | float]) -> None:
        self.lines.append((step, dict(values)))

    def close(self) -> None: ...


def test_an_epoch_logs_the_means_of_its_terms(tmp_path: Path) -> None:
    faces = FolderFaces(tiny.write_faces(tmp_path / "faces", identities=3))
    loader = Loader(faces, Views.none(), batch=4, seed=0)
    trained = objective().train()
    twin, log = step_of(copy.deepcopy(trained)), Remembered()
    with Display(STEPS) as display:
        train_epoch(step_of(trained), loader, 0, display=display, logs=[log], faces=faces)
    losses = [twin(number, *seen)["loss"] for number, seen in enumerate(loader.epoch(0))]
    ((step, line),) = log.lines
    assert (step, line["epoch"]) == (3, 1)
    assert line["loss"] == line["margin"] == pytest.approx(sum(losses) / 3, rel=1e-9)
    assert line["lr"] == pytest.approx(LR * (1 + math.cos(math.pi / 4)) / 2)
    assert 0 <= line["data_wait"] <= 1
    assert line["images_per_s"] > 0
