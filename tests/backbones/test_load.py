"""Weights files: what is written loads with no further word, and what does not fit is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.backbones.load import load_backbone, save_backbone
from facedistill.catalogue import catalogue
from facedistill.errors import UserError
from facedistill.types import Features


class Tiny(AbstractBackbone):
    def __init__(self, width: int) -> None:
        super().__init__(Preprocess(8))
        self.stem = nn.Conv2d(3, width, 4, stride=4)
        self.norm = nn.BatchNorm1d(width)

    def features(self, pixels: Tensor) -> Features:
        cells = self.stem(pixels)
        return Features(self.norm(cells.mean((2, 3))), (cells,))


def tiny(*, width: int = 6) -> AbstractBackbone:
    return Tiny(width)


CHOICE = {f"{__name__}.tiny": {"width": 5}}


@pytest.fixture
def tiny_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def saved(tmp_path: Path, tiny_importable: None) -> tuple[Tiny, Path]:
    torch.manual_seed(0)
    network = Tiny(5)
    network(torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8))  # moves the BatchNorm buffers off their start
    network.to(memory_format=torch.channels_last)
    save_backbone(network, CHOICE, tmp_path / "model.safetensors")
    return network, tmp_path / "model.safetensors"


def test_a_written_file_loads_with_no_further_word(saved: tuple[Tiny, Path]) -> None:
    network, file = saved
    for path in (file, str(file), file.parent):
        loaded = load_backbone(path)
        assert loaded.state_dict().keys() == network.state_dict().keys()
        for name, tensor in loaded.state_dict().items():
            assert torch.equal(tensor, network.state_dict()[name]), name


def test_the_header_holds_the_choice_and_nothing_is_left_beside(saved: tuple[Tiny, Path]) -> None:
    _, file = saved
    with safe_open(file, "pt") as opened:
        assert json.loads(opened.metadata()["facedistill"]) == {"backbone": CHOICE}
    assert [path.name for path in file.parent.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("header", [None, {"facedistill": "{"}, {"facedistill": "[1]"}], ids=["none", "cut", "list"])
def test_a_foreign_file_needs_a_name(saved: tuple[Tiny, Path], tmp_path: Path, header: dict[str, str] | None) -> None:
    network, _ = saved
    foreign = tmp_path / "foreign.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, foreign, header)
    with pytest.raises(UserError, match=r"foreign\.safetensors does not say what network"):
        load_backbone(foreign)
    assert torch.equal(load_backbone(foreign, CHOICE).state_dict()["norm.weight"], network.norm.weight)


def test_what_does_not_fit_is_named(saved: tuple[Tiny, Path], tmp_path: Path) -> None:
    network, _ = saved
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    tensors["stranger"] = tensors.pop("norm.bias")
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(UserError) as error:
        load_backbone(tmp_path / "other.safetensors", {f"{__name__}.tiny": {"width": 7}})
    for part in ("lacks norm.bias", "unknown stranger", "stem.weight is (5, 3, 4, 4) and should be (7, 3, 4, 4)"):
        assert part in str(error.value)
    assert "1 more" in str(error.value)  # five shapes differ, four are named


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no weights at .*absent\.safetensors"):
        load_backbone(tmp_path / "absent.safetensors")
    with pytest.raises(UserError, match=r"no weights at .*model\.safetensors"):
        load_backbone(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickled", b"\xff" * 64])
def test_what_is_not_safetensors_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load_backbone(tmp_path / "x.safetensors", "anything")


def test_no_loader_is_listed_among_networks() -> None:
    assert not {"load_backbone", "load"} & catalogue("backbones", AbstractBackbone).keys()
