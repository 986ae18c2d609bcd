"""Everything in the catalogue keeps its promises, from the moment its file exists."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from facedistill.backbones.contract import AbstractBackbone, AbstractPromptable
from facedistill.backbones.load import save_backbone
from facedistill.catalogue import catalogue
from facedistill.errors import UserError
from facedistill.heads.contract import AbstractHead
from facedistill.method import AbstractMethod
from facedistill.recipe import Recipe
from facedistill.signature import build
from facedistill.store.build import build_store
from facedistill.store.plan import plan_store
from facedistill.teachers.contract import AbstractTeacher
from facedistill.testing import check_backbone, check_head, check_method, check_teacher
from facedistill.types import Batch

METHODS = catalogue("methods", AbstractMethod)
HEADS = catalogue("heads", AbstractHead)
ALL_BACKBONES = catalogue("backbones", AbstractBackbone)
EXTRAS = {"timm"}
"""Networks of an optional extra; asked like all others where it is installed and works."""
SMALL_PX = 56
"""Half the face size: the smallest that leaves every family's grids whole (patches of 8, windows of 7)."""
LARGE_WEIGHTS = 10_000_000
"""Above this only shapes are asked about, unless slow tests are asked for; a family's smallest is asked all."""


@pytest.mark.parametrize("name", METHODS)
def test_method(name: str) -> None:
    check_method(METHODS[name])


@pytest.mark.parametrize("name", HEADS)
def test_head(name: str) -> None:
    check_head(HEADS[name])


@cache
def on_meta(name: str) -> AbstractBackbone:
    """The network as shapes without data."""
    with torch.device("meta"):
        backbone: AbstractBackbone = ALL_BACKBONES[name]()
    return backbone


def is_here(name: str) -> bool:
    try:
        on_meta(name)
    except UserError:
        return name not in EXTRAS
    return True


BACKBONES = {name: build for name, build in ALL_BACKBONES.items() if is_here(name)}


def small(name: str) -> Callable[[], AbstractBackbone]:
    """The network's builder, for small images where it can be told so."""
    takes = inspect.signature(BACKBONES[name]).parameters
    if "size_px" in takes:
        return partial(BACKBONES[name], size_px=SMALL_PX)
    named = {key: each.default for key, each in takes.items() if each.default in ALL_BACKBONES}  # networks within it
    return partial(BACKBONES[name], **{key: {inner: {"size_px": SMALL_PX}} for key, inner in named.items()})


def weights_in(name: str) -> int:
    return sum(parameter.numel() for parameter in on_meta(name).parameters())


SMALLEST = {BACKBONES[name].__module__: name for name in sorted(BACKBONES, key=weights_in, reverse=True)}
"""By family."""


def is_large(name: str) -> bool:
    return weights_in(name) > LARGE_WEIGHTS and name not in SMALLEST.values()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if is_large(name) else []) for name in BACKBONES]
)
def test_backbone(name: str) -> None:
    check_backbone(small(name), samples=2 if is_large(name) else 3)


@pytest.mark.parametrize("name", BACKBONES)
def test_backbone_sees_faces_as_its_family_does(name: str) -> None:
    spec = on_meta(name).spec
    assert spec.size_px == 112
    assert spec.embedding == 512
    assert spec.stages[-1].grid[0] >= 3, "the last map still has places in it"


def some_faces(size_px: int = SMALL_PX) -> tuple[torch.Tensor, Batch]:
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, size_px, size_px), dtype=torch.uint8, generator=chance)
    index = torch.arange(4)
    return images, Batch(index % 2, index, torch.zeros_like(index), torch.tensor(0.5))


def a_checkpoint(name: str, folder: Path, seed: int = 0) -> str:
    torch.manual_seed(seed)
    backbone = small(name)()
    with torch.no_grad():  # as if trained: LayerScale starts at 1e-6 and would hide whole branches
        for vector in (parameter for parameter in backbone.parameters() if parameter.dim() == 1):
            vector.add_(0.1 * torch.randn(vector.shape))
    save_backbone(backbone, {name: {"size_px": SMALL_PX}}, folder / "model.safetensors")
    return str(folder)


def an_onnx_file(folder: Path) -> str:
    """A mean over the image, then a linear layer: pixels B 3 16 16 to embeddings B 4."""
    weight = numpy_helper.from_array(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).numpy(), "weight")
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["B", 3, 16, 16])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", 4])
    graph = helper.make_graph(nodes, "embedder", [pixels], [embedding], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "net.onnx")
    return str(folder / "net.onnx")


def two_checkpoints(folder: Path) -> list[str]:
    """One network, with two sets of weights."""
    files = []
    for number in range(2):
        (folder / str(number)).mkdir()
        files.append(a_checkpoint("mobilefacenet_1m2", folder / str(number), seed=number))
    return files


def a_store(folder: Path) -> str:
    """Of a small network's answers for the faces of ``some_faces``."""
    recipe = Recipe.model_validate(
        {
            "model": "mobilefacenet_1m2",
            "teacher": {"live": {"weights": a_checkpoint("mobilefacenet_1m2", folder)}},
            "method": {"cosine": {}},
            "data": {"drawn": {"identities": 2, "images_per_identity": 2, "size_px": SMALL_PX}},
            "training": {"epochs": 1, "batch": 2, "device": "cpu"},
            "out": folder / "run",
        }
    )
    build_store(plan_store(recipe, hold=["stages"]), folder / "store")
    return str(folder / "store")


PROMPTABLE = [name for name in SMALLEST.values() if isinstance(on_meta(name), AbstractPromptable)]
TEACHERS: dict[str, tuple[str, Callable[[Path], dict[str, object]]]] = {
    "live": ("live", lambda folder: {"weights": a_checkpoint("mobilefacenet_1m2", folder)}),
    "live in bf16": ("live", lambda folder: {"weights": a_checkpoint("iresnet_18", folder), "precision": "bf16"}),
    "live from ONNX": ("live", lambda folder: {"weights": an_onnx_file(folder)}),
    "onnx": ("onnx", lambda folder: {"weights": an_onnx_file(folder)}),
    "stored": ("stored", lambda folder: {"path": a_store(folder)}),
    "snapshots": ("snapshots", lambda folder: {"weights": two_checkpoints(folder)}),
    "specialists": ("specialists", lambda folder: {"weights": two_checkpoints(folder)}),
}
TEACHERS |= {
    f"prompted {network} {depth}": (
        "prompted",
        partial(
            lambda network, depth, folder: {"weights": a_checkpoint(network, folder), "depth": depth, "count": 2},
            network,
            depth,
        ),
    )
    for network in PROMPTABLE
    for depth in ("shallow", "stage", "block")
}


@pytest.mark.parametrize("name", TEACHERS)
def test_teacher(name: str, tmp_path: Path) -> None:
    kind, options = TEACHERS[name]
    teacher = build("teachers", AbstractTeacher, {kind: options(tmp_path)})
    check_teacher(teacher, *some_faces())


def test_every_teacher_is_asked() -> None:
    assert {kind for kind, _ in TEACHERS.values()} == set(catalogue("teachers", AbstractTeacher))
