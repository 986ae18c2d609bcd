"""Choices put into effect."""

import copy
from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

from facedistill.backbones.mobilefacenet import mobilefacenet_1m2
from facedistill.backbones.vit import vit_t
from facedistill.errors import UserError
from facedistill.speed.choices import Speed, TeacherSpeed
from facedistill.speed.choose import choose_speed, student_work
from facedistill.speed.computing import compile_network, computing, hasten, lay_out, regions
from facedistill.teachers.live import Live
from facedistill.teachers.prompted import Prompted


def test_matrix_products_are_put_back() -> None:
    before = torch.get_float32_matmul_precision()
    with computing(Speed(matmul="medium")):
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == before


def test_layouts_change_no_value() -> None:
    network = tiny.net()
    before = copy.deepcopy(network.state_dict())
    for speed in (Speed(), Speed(channels_last=False)):
        lay_out(network, speed)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        wide = next(weight for weight in network.parameters() if weight.ndim == 4 and weight.shape[2] > 1)
        assert wide.is_contiguous(memory_format=speed.layout)


def test_regions_are_the_blocks_that_repeat() -> None:
    assert [type(part).__name__ for part in regions(mobilefacenet_1m2(size_px=32))] == ["_Bottleneck"] * 15
    transformer = vit_t(size_px=16)
    assert regions(transformer) == list(transformer.blocks)
    assert regions(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))) == [], "the framework's own parts are not ours"


def test_without_a_compiler_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler here; install g\+\+, or take compile: none"):
        compile_network(mobilefacenet_1m2(size_px=32), "regional")
    compile_network(mobilefacenet_1m2(size_px=32), "none")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return tiny.write_teacher(tmp_path / "teacher")


def test_a_frozen_teacher_is_hastened(weights: Path) -> None:
    teacher = Live(weights=weights)
    hasten(teacher, TeacherSpeed())
    assert teacher.precision == "fp32", "its own option stays where nothing is asked"
    hasten(teacher, TeacherSpeed(precision="bf16"))
    assert teacher.precision == "bf16"


def test_one_that_learns_is_not(weights: Path) -> None:
    with pytest.raises(UserError, match=r"training.speed.teacher is for a frozen network"):
        hasten(Prompted(weights=weights), TeacherSpeed(precision="bf16"))
    hasten(Prompted(weights=weights), TeacherSpeed())


def test_a_measurement_changes_nothing(weights: Path) -> None:
    network, teacher = tiny.net().train(), Live(weights=weights)
    before, chance = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    chosen = choose_speed(network, teacher, batch=8, steps=10**4, device=torch.device("cpu"))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(torch.get_rng_state(), chance)
    assert chosen.sentence.startswith(f"speed: {chosen.speed.words} (")


@pytest.mark.parametrize("speed", [Speed(precision="bf16"), Speed(channels_last=False), Speed(matmul="medium")])
def test_every_choice_steps(speed: Speed) -> None:
    student_work(tiny.net(), tiny.images(4))(speed)()
