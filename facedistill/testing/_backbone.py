"""What every backbone promises."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone, AbstractPromptable
from ..errors import one_line
from ..types import Features, Spec
from ._ask import (
    Question,
    alike,
    check_gradients,
    demand,
    generator,
    name_of,
    questions,
    seeded,
    signature_is_the_configuration,
)
from ._compiled import demand_one_graph

CLOSE = 1e-4
"""Relative: a convolution adds in another order for another batch size."""
PROMPTS = 3
SETTLING = 4
"""Images whose statistics BatchNorm starts from."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def check_backbone(build: Callable[[], AbstractBackbone], *, samples: int = 4) -> None:
    """Asks a backbone to keep its promises on random pixels.

    Give it the smallest form you have, such as ``partial(vit_t, size_px=32)``: it is run a dozen times.

    Raises:
        AssertionError: a promise is broken; the sentence says which.
    """
    for question in ask_backbone(build, samples=samples):
        question.ask()


def ask_backbone(build: Callable[[], AbstractBackbone], *, samples: int = 4) -> Iterator[Question]:
    """The questions of ``check_backbone``, one by one."""
    yield from questions([signature_is_the_configuration], build, ())
    case = _Case(build, samples)
    yield from questions(PROMISES, case)
    if isinstance(case.backbone(), AbstractPromptable):
        yield from questions(PROMPT_PROMISES, case)


def ask_compiled_backbone(build: Callable[[], AbstractBackbone], *, samples: int = 4) -> Iterator[Question]:
    """Whether a backbone compiles without a graph break; takes seconds, and needs a process without shape checks."""
    yield from questions([_compiles_whole], _Case(build, samples))


@dataclass(frozen=True)
class _Case:
    build: Callable[[], AbstractBackbone]
    samples: int

    def backbone(self, seed: int = 0) -> AbstractBackbone:
        """A network as if trained a little, in eval mode."""
        with seeded(seed), torch.no_grad():
            backbone = self.build()
            # What starts at 0, or at 1e-6 as LayerScale does, would hide a branch.
            for vector in (parameter for parameter in backbone.parameters() if parameter.dim() == 1):
                vector.add_(0.1 * torch.randn(vector.shape))
            _settle(backbone)
        return backbone.eval()

    def promptable(self) -> AbstractPromptable:
        backbone = self.backbone()
        if not isinstance(backbone, AbstractPromptable):
            raise TypeError(f"{type(backbone).__name__} takes no prompts")
        return backbone

    @property
    def who(self) -> str:
        return name_of(self.build)

    @cached_property
    def size_px(self) -> int:
        return self.backbone().preprocess.size_px

    def images(self, size_px: int | None = None) -> Tensor:
        side = size_px or self.size_px
        return torch.randint(0, 256, (self.samples, 3, side, side), dtype=torch.uint8, generator=generator(1))


def _settle(backbone: AbstractBackbone) -> None:
    """Give BatchNorm the statistics of a batch: with none, a network of a hundred layers overflows in eval mode."""
    norms = {module: module.momentum for module in backbone.modules() if isinstance(module, BATCH_NORMS)}
    side = backbone.preprocess.size_px
    for norm in norms:
        norm.momentum = 1.0
    if norms:
        backbone.train()(torch.randint(0, 256, (SETTLING, 3, side, side), dtype=torch.uint8))
    for norm, momentum in norms.items():
        norm.momentum = momentum


def _spec_is_true(case: _Case) -> None:
    backbone = case.backbone()
    with torch.no_grad():
        seen = backbone(case.images())
    _check_shapes(case, backbone, seen)
    demand(bool(seen.embedding.isfinite().all()), f"{case.who}: embeddings of random pixels are not finite.")
    demand(seen.embedding.dtype == torch.float32, f"{case.who}: embeddings are {seen.embedding.dtype}, not float32.")


def _check_shapes(case: _Case, backbone: AbstractBackbone, seen: Features) -> None:
    demand(isinstance(seen, Features), f"{case.who} answers with a {type(seen).__name__}, not with Features.")
    shapes = [tuple(stage.shape) for stage in seen.stages]
    demand(bool(shapes), f"{case.who} shows no stages; show at least the last map before the embedding.")
    maps = all(len(shape) == 4 for shape in shapes)
    demand(maps, f"{case.who}: stages are {shapes}; make maps B C H W of them, tokens too.")
    spec = _measured(case, backbone)
    promised = [(case.samples, stage.channels, *stage.grid) for stage in spec.stages]
    demand(shapes == promised, f"{case.who}: stages are {shapes} where the spec promises {promised}.")
    width = (case.samples, spec.embedding)
    demand(seen.embedding.shape == width, f"{case.who}: embeddings are {tuple(seen.embedding.shape)}, not {width}.")
    sides = [stage.grid[0] for stage in spec.stages]
    demand(sides == sorted(sides, reverse=True), f"{case.who}: stages must come finest first, but grids are {sides}.")


def _measured(case: _Case, backbone: AbstractBackbone) -> Spec:
    try:
        return backbone.spec
    except RuntimeError as error:
        raise AssertionError(
            f"{case.who}: widths and grids are measured on tensors without data, and that stops with: "
            f"{one_line(error)}; keep tensors as buffers, and let no value decide what is computed."
        ) from error


def _eval_ignores_company(case: _Case) -> None:
    backbone, images = case.backbone(), case.images()
    with torch.no_grad():
        together = backbone(images).embedding
        alone = torch.cat([backbone(image[None]).embedding for image in images])
    apart = 0.0 if alike(together, alone) else ((together - alone).norm() / together.norm()).item()
    demand(apart < CLOSE, f"{case.who}: in eval mode an answer depends on the rest of the batch (by {apart:.1e}).")


def _pixels_matter(case: _Case) -> None:
    backbone, images = case.backbone(), case.images()
    with torch.no_grad():
        same = torch.allclose(backbone(images).embedding, backbone(255 - images).embedding)
    demand(not same, f"{case.who}: negatives of the images give the same embeddings.")


def _every_parameter_learns(case: _Case) -> None:
    backbone = case.backbone().train()
    with seeded(3):
        embedding = backbone(case.images()).embedding
        (embedding * torch.randn(embedding.shape)).sum().backward()
    check_gradients(backbone, case.who, "remove it: it plays no part in the embedding.")


def _state_is_whole(case: _Case) -> None:
    backbone, twin = case.backbone().train(), case.backbone(seed=1)
    with torch.no_grad(), seeded(4):
        backbone(case.images())  # moves whatever training moves, such as BatchNorm's means
        twin.load_state_dict(backbone.state_dict(), strict=True)
        same = alike(backbone.eval()(case.images()).embedding, twin(case.images()).embedding)
    demand(same, f"{case.who}: a twin with the same state dict answers otherwise; keep all state in it.")


def _autocast_is_float32(case: _Case) -> None:
    backbone = case.backbone()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        embedding = backbone(case.images()).embedding
    demand(
        embedding.dtype == torch.float32, f"{case.who}: under autocast embeddings are {embedding.dtype}, not float32."
    )
    demand(bool(embedding.isfinite().all()), f"{case.who}: under bf16 autocast embeddings are not finite.")


def _owns_its_pixels(case: _Case) -> None:
    backbone = case.backbone()
    for size_px in (backbone.preprocess.size_px + 9, 24):
        with torch.no_grad():
            _check_shapes(case, backbone, backbone(case.images(size_px)))


def _hides_no_hooks(case: _Case) -> None:
    backbone = case.backbone()
    with torch.no_grad():
        backbone(case.images())
    hooked = [name for name, module in backbone.named_modules() if module._forward_hooks or module._forward_pre_hooks]
    demand(not hooked, f"{case.who}: {hooked} carry forward hooks, which compiled graphs ignore; return the features.")


def _copies(case: _Case) -> None:
    backbone = case.backbone()
    twin = copy.deepcopy(backbone)
    with torch.no_grad():
        same = alike(backbone(case.images()).embedding, twin(case.images()).embedding)
    demand(same, f"{case.who}: a deep copy answers otherwise.")


def _compiles_whole(case: _Case) -> None:
    backbone = case.backbone()
    with torch.no_grad():
        demand_one_graph(case.who, backbone, case.images())


PROMISES = (
    _spec_is_true,
    _eval_ignores_company,
    _pixels_matter,
    _every_parameter_learns,
    _state_is_whole,
    _autocast_is_float32,
    _owns_its_pixels,
    _hides_no_hooks,
    _copies,
)


def _slots_fit_stages(case: _Case) -> None:
    backbone = case.promptable()
    demand(bool(backbone.prompt_slots), f"{case.who}: a promptable network needs at least one prompt slot.")
    numbers = [slot.stage for slot in backbone.prompt_slots]
    stages = backbone.spec.stages
    inside = numbers == sorted(numbers) and numbers[0] >= 0 and numbers[-1] < len(stages)
    demand(inside, f"{case.who}: prompt slots name stages {numbers} of {len(stages)}; they must ascend from 0.")


def _no_prompts_is_the_plain_network(case: _Case) -> None:
    backbone = case.promptable()
    pixels = backbone.preprocess(case.images())
    with torch.no_grad():
        plain, empty = backbone.features(pixels), backbone.features(pixels, {})
    pairs = zip((plain.embedding, *plain.stages), (empty.embedding, *empty.stages), strict=True)
    demand(all(torch.equal(a, b) for a, b in pairs), f"{case.who}: empty prompts change the answer.")
    demand("prompts" not in empty.extras, f"{case.who}: shows prompt outputs where there are no prompts.")


def _prompts_matter_and_learn(case: _Case) -> None:
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


def _prompt_outputs_are_shown(case: _Case) -> None:
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
