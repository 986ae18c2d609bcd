"""What every backbone promises."""

import copy
from collections.abc import Callable, Iterator

import torch

from ..backbones.contract import AbstractBackbone, AbstractPromptable
from ..errors import one_line
from ..types import Features, Spec
from ._ask import (
    Question,
    alike,
    check_gradients,
    demand,
    questions,
    seeded,
    signature_is_the_configuration,
)
from ._backbone_case import BackboneCase
from ._compiled import demand_one_graph
from ._promptable import PROMPT_PROMISES

CLOSE = 1e-4
"""Relative: a convolution adds in another order for another batch size."""


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
    case = BackboneCase(build, samples)
    yield from questions(PROMISES, case)
    if isinstance(case.backbone(), AbstractPromptable):
        yield from questions(PROMPT_PROMISES, case)


def ask_compiled_backbone(build: Callable[[], AbstractBackbone], *, samples: int = 4) -> Iterator[Question]:
    """Whether a backbone compiles without a graph break; takes seconds, and needs a process without shape checks."""
    yield from questions([_compiles_whole], BackboneCase(build, samples))


def _spec_is_true(case: BackboneCase) -> None:
    backbone = case.backbone()
    with torch.no_grad():
        seen = backbone(case.images())
    _check_shapes(case, backbone, seen)
    demand(bool(seen.embedding.isfinite().all()), f"{case.who}: embeddings of random pixels are not finite.")
    demand(seen.embedding.dtype == torch.float32, f"{case.who}: embeddings are {seen.embedding.dtype}, not float32.")


def _check_shapes(case: BackboneCase, backbone: AbstractBackbone, seen: Features) -> None:
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


def _measured(case: BackboneCase, backbone: AbstractBackbone) -> Spec:
    try:
        return backbone.spec
    except RuntimeError as error:
        raise AssertionError(
            f"{case.who}: widths and grids are measured on tensors without data, and that stops with: "
            f"{one_line(error)}; keep tensors as buffers, and let no value decide what is computed."
        ) from error


def _eval_ignores_company(case: BackboneCase) -> None:
    backbone, images = case.backbone(), case.images()
    with torch.no_grad():
        together = backbone(images).embedding
        alone = torch.cat([backbone(image[None]).embedding for image in images])
    apart = 0.0 if alike(together, alone) else ((together - alone).norm() / together.norm()).item()
    demand(apart < CLOSE, f"{case.who}: in eval mode an answer depends on the rest of the batch (by {apart:.1e}).")


def _pixels_matter(case: BackboneCase) -> None:
    backbone, images = case.backbone(), case.images()
    with torch.no_grad():
        same = torch.allclose(backbone(images).embedding, backbone(255 - images).embedding)
    demand(not same, f"{case.who}: negatives of the images give the same embeddings.")


def _every_parameter_learns(case: BackboneCase) -> None:
    backbone = case.backbone().train()
    with seeded(3):
        embedding = backbone(case.images()).embedding
        (embedding * torch.randn(embedding.shape)).sum().backward()
    check_gradients(backbone, case.who, "remove it: it plays no part in the embedding.")


def _state_is_whole(case: BackboneCase) -> None:
    backbone, twin = case.backbone().train(), case.backbone(seed=1)
    with torch.no_grad(), seeded(4):
        backbone(case.images())  # moves whatever training moves, such as BatchNorm's means
        twin.load_state_dict(backbone.state_dict(), strict=True)
        same = alike(backbone.eval()(case.images()).embedding, twin(case.images()).embedding)
    demand(same, f"{case.who}: a twin with the same state dict answers otherwise; keep all state in it.")


def _autocast_is_float32(case: BackboneCase) -> None:
    backbone = case.backbone()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        embedding = backbone(case.images()).embedding
    demand(
        embedding.dtype == torch.float32, f"{case.who}: under autocast embeddings are {embedding.dtype}, not float32."
    )
    demand(bool(embedding.isfinite().all()), f"{case.who}: under bf16 autocast embeddings are not finite.")


def _owns_its_pixels(case: BackboneCase) -> None:
    backbone = case.backbone()
    for size_px in (backbone.preprocess.size_px + 9, 24):
        with torch.no_grad():
            _check_shapes(case, backbone, backbone(case.images(size_px)))


def _hides_no_hooks(case: BackboneCase) -> None:
    backbone = case.backbone()
    with torch.no_grad():
        backbone(case.images())
    hooked = [name for name, module in backbone.named_modules() if module._forward_hooks or module._forward_pre_hooks]
    demand(not hooked, f"{case.who}: {hooked} carry forward hooks, which compiled graphs ignore; return the features.")


def _copies(case: BackboneCase) -> None:
    backbone = case.backbone()
    twin = copy.deepcopy(backbone)
    with torch.no_grad():
        same = alike(backbone(case.images()).embedding, twin(case.images()).embedding)
    demand(same, f"{case.who}: a deep copy answers otherwise.")


def _compiles_whole(case: BackboneCase) -> None:
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
