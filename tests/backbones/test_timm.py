"""The timm adapter on a stand-in for timm, and, where timm is installed, our Transformers against timm's."""

import re
import sys
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facedistill.backbones.swin import swin
from facedistill.backbones.timm import timm
from facedistill.backbones.vit import vit
from facedistill.errors import UserError
from facedistill.testing import check_backbone


class StandIn(nn.Module):
    """What the adapter asks of a network of timm."""

    head_hidden_size = 6
    pretrained_cfg = {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 4, stride=4)
        self.second = nn.Conv2d(4, 6, 2, stride=2)

    def forward_intermediates(
        self, x: Tensor, *, indices: int | list[int], norm: bool, output_fmt: str
    ) -> tuple[Tensor, list[Tensor]]:
        assert norm
        assert output_fmt == "NCHW"
        first = self.first(x).tanh()
        maps = [first, self.second(first)]
        return maps[-1], maps[-indices:] if isinstance(indices, int) else [maps[i] for i in indices]

    def forward_head(self, x: Tensor, *, pre_logits: bool) -> Tensor:
        assert pre_logits
        return x.mean((2, 3))


def create_model(name: str, *, pretrained: bool, num_classes: int, **options: Any) -> nn.Module:
    assert not pretrained
    assert num_classes == 0
    if name != "stand_in":
        raise RuntimeError(f"Unknown model ({name})")
    return StandIn(**options)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("timm")
    monkeypatch.setattr(module, "create_model", create_model, raising=False)
    monkeypatch.setitem(sys.modules, "timm", module)


def test_it_keeps_every_backbones_promises(stand_in: None) -> None:
    check_backbone(partial(timm, model="stand_in", size_px=32, embedding=5))


def test_stages_are_the_last_or_those_numbered(stand_in: None) -> None:
    for stages, channels in ((2, [4, 6]), (1, [6]), ([0], [4])):
        spec = timm(model="stand_in", size_px=32, stages=stages).spec
        assert [stage.channels for stage in spec.stages] == channels


def test_pixels_are_scaled_as_timm_says(stand_in: None) -> None:
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    expected = (images / 255 - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor([0.4, 0.5, 0.6])[
        :, None, None
    ]
    torch.testing.assert_close(timm(model="stand_in", size_px=8).preprocess(images), expected)


def test_what_timm_does_not_know_is_named(stand_in: None) -> None:
    with pytest.raises(UserError, match=r"cannot make 'resnet' with options \{\}: Unknown model"):
        timm(model="resnet")
    with pytest.raises(UserError, match=r"unexpected keyword argument 'img_size'"):
        timm(model="stand_in", options={"img_size": 112})


def test_without_timm_the_remedy_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"pip install 'facedistill\[timm\]'"):
        timm()


def real_network(name: str, **options: Any) -> nn.Module:
    """A network of timm itself; the test is skipped where timm is not installed or does not import."""
    try:
        from timm import create_model
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"timm cannot be imported: {error}")
    return create_model(name, pretrained=False, num_classes=0, **options).eval()


def lively(network: nn.Module) -> dict[str, Tensor]:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.08)
    return {name: tensor for name, tensor in network.eval().state_dict().items() if not name.startswith("feature")}


def test_swin_equals_timms() -> None:
    theirs = real_network("swin_tiny_patch4_window7_224", img_size=112, patch_size=2)
    ours = swin(width=96, pool="mean")
    # timm counts a merging to the stage that follows it.
    later = {
        re.sub(r"(\d)\.downsample", lambda found: f"{int(found[1]) + 1}.downsample", name): tensor
        for name, tensor in lively(ours).items()
    }
    theirs.load_state_dict(later, strict=True)
    pixels = torch.randn(1, 3, 112, 112)
    with torch.no_grad():
        expected = theirs.forward_features(pixels).permute(0, 3, 1, 2)
        torch.testing.assert_close(ours.features(pixels).stages[-1], expected, rtol=0, atol=1e-5)


def test_vit_equals_timms() -> None:
    form = {"img_size": 112, "patch_size": 8, "class_token": False, "global_pool": "avg"}
    theirs = real_network("vit_tiny_patch16_224", norm_layer=nn.LayerNorm, **form)
    ours = vit(width=192, depth=12, heads=3, pool="mean")
    state = lively(ours)
    theirs.load_state_dict({re.sub("^norm", "fc_norm", name): tensor for name, tensor in state.items()}, strict=True)
    pixels = torch.randn(1, 3, 112, 112)
    with torch.no_grad():
        expected = F.layer_norm(theirs.forward_features(pixels), (192,), state["norm.weight"], state["norm.bias"])
        found = ours.features(pixels).stages[-1].flatten(2).transpose(1, 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
