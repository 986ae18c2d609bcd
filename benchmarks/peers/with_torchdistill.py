"""A distillation through torchdistill (Matsubara 2020, arXiv:2011.12913; MIT licence), one step at a time."""

import importlib
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset, RandomSampler

from facedistill.backbones.contract import AbstractBackbone
from facedistill.bench import eager
from facedistill.data.contract import AbstractFaces
from facedistill.errors import UserError

_declared: list[torch.library.Library] = []
"""Operators live as long as what declared them."""


class Files(Dataset[tuple[Tensor, int]]):
    """Image files and labels, as every data set of such a training has them."""

    def __init__(self, faces: AbstractFaces) -> None:
        self._faces, self._chance = faces, np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return eager.sample(self._faces.encoded(index) or b"", self._chance), int(self._faces.labels[index])


class Student(nn.Module):
    """Pixels and labels to logits with a margin; ``embedding`` is where a hook finds the embedding."""

    def __init__(self, network: AbstractBackbone, identities: int) -> None:
        super().__init__()
        self.network, self.embedding = network, nn.Identity()
        self.head = eager.CosFace(network.spec.embedding, identities)

    def forward(self, pixels: Tensor, labels: Tensor) -> Tensor:
        return self.head.logits(self.embedding(self.network.features(pixels).embedding), labels)


class Teacher(nn.Module):
    """Pixels to embeddings."""

    def __init__(self, network: AbstractBackbone) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network.features(pixels).embedding


class CosineDistance(nn.Module):
    """1 - cos between the student's and the teacher's embedding."""

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return (1 - F.cosine_similarity(student, teacher)).mean()


def training(
    student: AbstractBackbone, teacher: AbstractBackbone, faces: AbstractFaces, batch: int
) -> Callable[[], object]:
    """Loads and learns another batch at every call, in float32 and with the framework's own PReLU.

    Raises:
        UserError: torchdistill cannot be imported.
    """
    box = imported("torchdistill.core.distillation").DistillationBox(
        Teacher(eager.plain(teacher).eval()),
        Student(eager.plain(student), len(faces.identities)),
        {"faces": Files(faces)},
        settings(batch),
        torch.device("cpu"),
        None,
        False,
        1,
    )
    batches = _batches(box)

    def step() -> float:
        loss = box.forward_process(*next(batches))
        box.post_forward_process(loss)
        return float(loss.detach())

    return step


def _batches(box: Any) -> Iterator[tuple[Tensor, Tensor, Any]]:
    for epoch in count():
        box.pre_epoch_process(epoch=epoch)
        for pixels, labels, about in box.train_data_loader:
            box.pre_forward_process()
            yield pixels, labels, about


def settings(batch: int) -> dict[str, Any]:
    """What torchdistill's users write into a YAML file."""
    out = {"is_from_teacher": False, "io": "output"}
    margin = {"input": {**out, "module_path": "."}, "target": {"uses_label": True}}
    likeness = {
        "input": {**out, "module_path": "embedding"},
        "target": {"is_from_teacher": True, "module_path": ".", "io": "output"},
    }
    wrapped = imported("torchdistill.losses.mid_level").SimpleLossWrapper
    terms = {
        "margin": {"criterion": wrapped(nn.CrossEntropyLoss(), **margin), "weight": 1.0},
        "cosine": {"criterion": wrapped(CosineDistance(), **likeness), "weight": 1.0},
    }
    return {
        "num_epochs": 1,
        "train_data_loader": {
            "dataset_id": "faces",
            "sampler": {"class_or_func": RandomSampler},
            "kwargs": {"batch_size": batch, "num_workers": 0, "drop_last": True},
        },
        "teacher": {"forward_proc": "forward_batch_only", "requires_grad": False},
        "student": {"forward_proc": "forward_batch_target", "forward_hook": {"input": [], "output": ["embedding"]}},
        "optimizer": {
            "key": "SGD",
            "kwargs": {"lr": eager.LR, "momentum": eager.MOMENTUM, "weight_decay": eager.DECAY},
        },
        "criterion": {"key": "WeightedSumLoss", "kwargs": {"sub_terms": terms}},
    }


def imported(name: str) -> Any:
    """A module of torchdistill, which wants torchvision though nothing here needs it.

    Raises:
        UserError: it is not installed, or does not import.
    """
    try:
        _import_torchvision()
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:
        raise UserError(
            f"torchdistill cannot be imported ({error}); benchmarks/peers/README.md says how to install it."
        ) from None


def _import_torchvision() -> None:
    """A wheel made for another build of torch lacks its compiled operators; two of them must be known to import it."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for module in [module for module in sys.modules if module.split(".")[0] == "torchvision"]:
            del sys.modules[module]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
        importlib.import_module("torchvision")
