"""Rounding as eight bits do: values of the exported integers, gradients that pass, and a run that learns from it."""

from pathlib import Path

import pytest
import torch
from said import Call
from tiny import net, recipe, write_faces, write_teacher
from torch import nn

from facedistill.backbones.load import load_backbone
from facedistill.backbones.prelu import PReLU
from facedistill.errors import UserError
from facedistill.train.continued import quantising
from facedistill.train.eight_bits import EightBits, _Rounding, rounded_weights
from facedistill.train.run import fit


def test_weights_have_127_steps_a_channel() -> None:
    weight = torch.tensor([[1.0, -0.5, 0.004], [0.0, 0.0, 0.0], [254.0, 1.1, -3.0]], requires_grad=True)
    rounded = rounded_weights(weight)
    expected = [[1.0, -64 / 127, 1 / 127], [0, 0, 0], [254.0, 2.0, -4.0]]
    for row, wanted in zip(rounded.tolist(), expected, strict=True):
        for value, step in zip(row, wanted, strict=True):
            assert value == pytest.approx(step, abs=1e-6)
    rounded.sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.ones(3, 3)), "gradients pass the rounding"


def test_maps_have_255_steps_over_a_range_with_zero() -> None:
    eight = EightBits(net())
    eight.eval()
    x = torch.tensor([1.0, 2.0, 3.553, 5.1])
    step = 5.1 / 255
    assert eight.rounded(0, x)(x).tolist() == pytest.approx([round(value / step) * step for value in x.tolist()])
    eight.train()
    eight.rounded(0, x)
    eight.rounded(0, torch.tensor([-2.0, 3.1]))
    assert eight.low[0].item() == pytest.approx(-0.05 * 2)
    assert eight.high[0].item() == pytest.approx(5.1 - 0.05 * 2)
    outside = torch.tensor([-9.0, 1.0, 9.0], requires_grad=True)
    eight.eval()
    eight.rounded(0, x)(outside).sum().backward()
    assert outside.grad is not None
    assert outside.grad.tolist() == [0, 1, 0], "no gradient beyond the range"


class Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.slope = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), PReLU(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.slope(self.norm(self.conv(x)))
        return self.conv(x) + y


@pytest.mark.parametrize("grad", [True, False])
def test_a_tensor_is_rounded_once_whoever_reads_it(grad: bool) -> None:
    """The image, the slope's map, and both sides of the sum, of which one is that map again."""
    read: list[int] = []

    def rounder(number: int, values: torch.Tensor) -> object:
        read.append(number)
        return lambda x: x

    part = Sum()
    before = part.norm.running_mean.clone()
    with torch.set_grad_enabled(grad), _Rounding(rounder):  # type: ignore[arg-type]
        part(torch.rand(2, 3, 5, 5))
    assert read == [0, 1, 2]
    assert torch.equal(part.norm.running_mean, before), "a folded norm learns nothing of the batch"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A distilled student with all that its run keeps."""
    folder = tmp_path_factory.mktemp("finished")
    teacher = {"live": {"weights": str(write_teacher(folder / "teacher"))}}
    method = {"cosine": {}}
    faces = write_faces(folder / "faces")
    fit(recipe(faces, folder / "run", teacher=teacher, method=method, training={"epochs": 10}))
    return folder / "run"


def test_a_run_goes_on_with_all_its_parts(finished: Path, call: Call) -> None:
    whole = quantising(finished, ["seed=3"])
    assert (whole.continues, whole.training.eight_bits, whole.training.epochs) == (finished, True, 1)
    assert (whole.optimiser, whole.seed) == ({"sgd": {**whole.optimiser["sgd"], "lr": 0.005}}, 3)
    assert whole.out == finished.with_name("run_int8")
    answer = call("distill", finished, "--quantize", "training.epochs=2", "--json")
    assert answer.code == 0, answer.err
    began, ended = (load_backbone(folder).state_dict() for folder in (finished, whole.out))
    assert began.keys() == ended.keys(), "what rounds is no part of the student"
    assert not torch.equal(began["out.weight"], ended["out.weight"])
    assert torch.equal(began["body.1.running_mean"], ended["body.1.running_mean"])
    torch.testing.assert_close(began["out.weight"], ended["out.weight"], atol=0.05, rtol=0)


def test_what_cannot_be_gone_on_with_is_said(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"goes on with a finished run, and .* is not one"):
        quantising(tmp_path)
    with pytest.raises(UserError, match="was a run of other parts"):
        fit(quantising(finished, ["method={pkt: {}}", f"out={tmp_path / 'other'}"]))
