"""A network, a teacher and faces small enough to train in a blink. Recipes reach the network as ``tiny.net``."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.backbones.load import save_backbone
from facedistill.recipe import Recipe
from facedistill.signature import build
from facedistill.types import Features

SIZE_PX = 16
VIT = {"vit": {"width": 16, "depth": 2, "heads": 2, "patch_px": 8, "size_px": SIZE_PX, "embedding": 12}}
"""A teacher that takes prompts."""


class _Net(AbstractBackbone):
    """One convolution, a norm, one linear layer."""

    def __init__(self, embedding: int, norm: nn.Module) -> None:
        super().__init__(Preprocess(SIZE_PX))
        self.body = nn.Sequential(nn.Conv2d(3, 8, 4, 4, bias=False), norm, nn.PReLU(8))
        self.out = nn.Linear(8 * 16, embedding)

    def features(self, pixels: Tensor) -> Features:
        map = self.body(pixels)
        return Features(self.out(map.flatten(1)).float(), (map,))


def net(*, embedding: int = 8, batch_norm: bool = True) -> AbstractBackbone:
    """Without BatchNorm it answers for a sample whatever batch that is in, in training too."""
    return _Net(embedding, nn.BatchNorm2d(8) if batch_norm else nn.GroupNorm(1, 8))


def write_faces(root: Path, *, identities: int = 6, images: int = 4, seed: int = 0) -> Path:
    """Each identity a texture, each image that texture with noise; PNG files of 16 px."""
    chance = np.random.default_rng(seed)
    for identity in range(identities):
        texture = chance.uniform(0, 255, (SIZE_PX, SIZE_PX, 3))
        folder = root / f"p{identity}"
        folder.mkdir(parents=True)
        for image in range(images):
            pixels = (texture + chance.normal(0, 30, texture.shape)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"p{identity}_{image + 1:04d}.png"), pixels)
    return root


def write_teacher(folder: Path, choice: Any = VIT, *, seed: int = 1) -> Path:
    """A run folder with an untrained network."""
    folder.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_backbone(build("backbones", AbstractBackbone, choice), choice, folder / "model.safetensors")
    return folder


def images(count: int, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, SIZE_PX, SIZE_PX), dtype=torch.uint8, generator=chance)


def recipe(root: Path, out: Path, **changes: Any) -> Recipe:
    """Three epochs of three batches of eight, from labels only."""
    training = {"epochs": 3, "batch": 8, "device": "cpu", "validate_every": 1, **changes.pop("training", {})}
    data = changes.pop("data", {"root": root})
    whole = {"model": "tiny.net", "head": {"cosface": {"scale": 8}}, "optimiser": {"sgd": {"lr": 0.05}}}
    return Recipe.model_validate({**whole, "data": data, "training": training, "out": out, **changes})
