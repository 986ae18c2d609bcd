"""Optimisers and their parameter groups."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from ..errors import UserError, unknown

Group = dict[str, Any]


def sgd(
    groups: list[Group],
    fused: bool = False,
    /,
    *,
    lr: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    nesterov: bool = True,
) -> Optimizer:
    """SGD; the defaults are GKD's for MobileFaceNet at a batch of 1,024."""
    rated = _rated(groups, lr, weight_decay)
    return torch.optim.SGD(rated, lr=lr, momentum=momentum, nesterov=nesterov, fused=fused or None)


def adamw(
    groups: list[Group],
    fused: bool = False,
    /,
    *,
    lr: float = 5e-4,
    weight_decay: float = 0.05,
    beta1: float = 0.9,
    beta2: float = 0.999,
) -> Optimizer:
    """AdamW; the defaults are FaceX-Zoo's for Swin at a batch of 512."""
    return torch.optim.AdamW(_rated(groups, lr, weight_decay), lr=lr, betas=(beta1, beta2), fused=fused or None)


OPTIMISERS: dict[str, Callable[..., Optimizer]] = {"adamw": adamw, "sgd": sgd}


def parameter_groups(parts: Mapping[str, nn.Module], lr_scale: Mapping[str, float]) -> list[Group]:
    """Trained parameters by part of the objective, and by whether they decay.

    Gains, biases, PReLU slopes and prompts do not decay: pulling them to zero is no prior about faces.

    Raises:
        UserError: ``lr_scale`` names a part that is not there, or nothing is trained.
    """
    for name in lr_scale:
        if name not in parts:
            raise unknown("part", name, parts, where="lr_scale")
    groups = [
        {"params": parameters, "decays": decays, "lr_scale": lr_scale.get(name, 1.0)}
        for name, part in parts.items()
        for decays, parameters in _by_decay(part).items()
    ]
    if not groups:
        raise UserError("Nothing in this recipe is trained; check 'model'.")
    return groups


def _by_decay(part: nn.Module) -> dict[bool, list[nn.Parameter]]:
    found: dict[bool, list[nn.Parameter]] = {}
    for name, parameter in part.named_parameters():
        if parameter.requires_grad:
            found.setdefault(parameter.ndim > 1 and "prompt" not in name, []).append(parameter)
    return found


def _rated(groups: list[Group], lr: float, weight_decay: float) -> list[Group]:
    """Groups with their own rate; ``base_lr`` is what the schedule multiplies."""
    return [
        {
            **group,
            "lr": lr * group["lr_scale"],
            "base_lr": lr * group["lr_scale"],
            "weight_decay": weight_decay * group["decays"],
        }
        for group in groups
    ]
