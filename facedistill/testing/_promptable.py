"""What every backbone promises that takes prompts."""

import torch
from torch import Tensor

from ..backbones.contract import AbstractPromptable
from ._ask import demand, generator
from ._backbone_case import BackboneCase

PROMPTS = 3


def _slots_fit_stages(case: BackboneCase) -> None:
    backbone = case.promptable()
    demand(bool(backbone.prompt_slots), f"{case.who}: a promptable network needs at least one prompt slot.")
    numbers = [slot.stage for slot in backbone.prompt_slots]
    stages = backbone.spec.stages
    inside = numbers == sorted(numbers) and numbers[0] >= 0 and numbers[-1] < len(stages)
    demand(inside, f"{case.who}: prompt slots name stages {numbers} of {len(stages)}; they must ascend from 0.")


def _no_prompts_is_the_plain_network(case: BackboneCase) -> None:
    backbone = case.promptable()
    pixels = backbone.preprocess(case.images())
    with torch.no_grad():
        plain, empty = backbone.features(pixels), backbone.features(pixels, {})
    pairs = zip((plain.embedding, *plain.stages), (empty.embedding, *empty.stages), strict=True)
    demand(all(torch.equal(a, b) for a, b in pairs), f"{case.who}: empty prompts change the answer.")
    demand("prompts" not in empty.extras, f"{case.who}: shows prompt outputs where there are no prompts.")


def _prompts_matter_and_learn(case: BackboneCase) -> None:
    backbone = case.promptable().requires_grad_(False)
    pixels, prompts = backbone.preprocess(case.images()), _prompts(backbone)
    plain, prompted = backbone.features(pixels), backbone.features(pixels, prompts)
    demand(not torch.equal(plain.embedding, prompted.embedding), f"{case.who}: prompts do not change the embedding.")
    shapes = [tuple(stage.shape) for stage in prompted.stages]
    demand(shapes == [tuple(s.shape) for s in plain.stages], f"{case.who}: prompts change the shapes of the stages.")
    (
        prompted.embedding * torch.linspace(-1, 1, prompted.embedding.numel()).view_as(prompted.embedding)
    ).sum().backward()
    dead = [slot for slot, prompt in prompts.items() if prompt.grad is None or not bool(prompt.grad.any())]
    demand(not dead, f"{case.who}: no gradient reaches the prompts of slots {dead}.")


def _prompt_outputs_are_shown(case: BackboneCase) -> None:
    backbone = case.promptable()
    prompts = _prompts(backbone)
    with torch.no_grad():
        seen = backbone.features(backbone.preprocess(case.images()), prompts)
    expected = (case.samples, PROMPTS, backbone.spec.stages[-1].channels)
    shown = tuple(seen.extras["prompts"].shape) if "prompts" in seen.extras else None
    demand(shown == expected, f"{case.who}: extras['prompts'] is {shown}, not {expected} (B T C of the last stage).")


def _prompts(backbone: AbstractPromptable) -> dict[int, Tensor]:
    """Different prompts for every slot, large enough to be felt."""
    chance = generator(5)
    slots = enumerate(backbone.prompt_slots)
    return {i: torch.randn(PROMPTS, slot.channels, generator=chance).requires_grad_() for i, slot in slots}


PROMPT_PROMISES = (
    _slots_fit_stages,
    _no_prompts_is_the_plain_network,
    _prompts_matter_and_learn,
    _prompt_outputs_are_shown,
)
