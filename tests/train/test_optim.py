"""Which parameters are trained, at what rate, and which of them decay."""

import pytest
import torch
from torch import Tensor, nn

from facedistill.errors import UserError
from facedistill.train.optim import adamw, parameter_groups, sgd


class Part(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 3))
        self.bias = nn.Parameter(torch.ones(3))
        self.prompts = nn.ParameterDict({"0": nn.Parameter(torch.ones(4, 3))})
        self.frozen = nn.Parameter(torch.ones(5, 5), requires_grad=False)


def by_parameter(groups: list[dict]) -> dict[Tensor, dict]:
    return {parameter: group for group in groups for parameter in group["params"]}


def test_gains_biases_and_prompts_do_not_decay() -> None:
    part = Part()
    groups = by_parameter(sgd(parameter_groups({"model": part}, {}), weight_decay=0.5).param_groups)
    assert groups[part.weight]["weight_decay"] == 0.5
    assert groups[part.bias]["weight_decay"] == 0
    assert groups[part.prompts["0"]]["weight_decay"] == 0
    assert part.frozen not in groups


@pytest.mark.parametrize("optimiser", [sgd, adamw])
def test_a_part_has_a_rate_of_its_own(optimiser) -> None:
    model, teacher = Part(), Part()
    built = optimiser(parameter_groups({"model": model, "teacher": teacher}, {"teacher": 0.1}), lr=0.2)
    groups = by_parameter(built.param_groups)
    for parameter in (model.weight, model.bias):
        assert groups[parameter]["lr"] == groups[parameter]["base_lr"] == 0.2
    for parameter in (teacher.weight, teacher.prompts["0"]):
        assert groups[parameter]["lr"] == groups[parameter]["base_lr"] == pytest.approx(0.02)


def test_the_optimisers_are_what_they_are_called() -> None:
    groups = parameter_groups({"model": Part()}, {})
    assert isinstance(sgd(groups), torch.optim.SGD)
    assert sgd(groups, momentum=0.8, nesterov=False).defaults["momentum"] == 0.8
    assert isinstance(adamw(groups), torch.optim.AdamW)
    assert adamw(groups, beta1=0.5, beta2=0.6).defaults["betas"] == (0.5, 0.6)


def test_an_unknown_part_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match="Unknown part 'teachr' in lr_scale; did you mean 'teacher'"):
        parameter_groups({"model": Part(), "teacher": Part()}, {"teachr": 0.1})


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(UserError, match="Nothing in this recipe is trained"):
        parameter_groups({"model": Part().requires_grad_(False)}, {})
