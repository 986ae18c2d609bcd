"""The proof: what a file says in its own runtime, beside what the PyTorch student says of the same crops."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from ..backbones.contract import AbstractBackbone
from ..data.contract import AbstractFaces
from ..data.resized import Resized
from ..errors import UserError
from ..evaluate.embeddings.embed import evaluating, read_batch
from ..evaluate.embeddings.unit import unit_rows
from ..evaluate.pairs.roc import tar_at_far
from ..evaluate.pairs.scores import score_all
from ..evaluate.validate import best_balanced_accuracy
from ..types import UNLABELLED
from .contract import Runner
from .gate import Agreement, agreement

LEAST_CROPS = 1000
"""Fewer do not show a first percentile."""

FARS = (1e-2, 1e-3)
"""A thousand crops of a hundred people have half a million impostor pairs."""


@dataclass(frozen=True)
class Crops:
    """The crops of the gate, and what the student says of them."""

    pixels: UInt8[np.ndarray, "N S S 3"]
    labels: Int[np.ndarray, " N"]
    wanted: Float[np.ndarray, "N D"]


@dataclass(frozen=True)
class Parity:
    """A file beside its student; shares, the student's figure taken off the file's."""

    crops: int
    agreement: Agreement
    pair_error_mean: float
    """Of the cosine of two crops, over all pairs."""
    pair_error_max: float
    tar_change: dict[str, float]
    """By FAR; empty where no two crops are known to show one person and no two to show two."""
    accuracy_change: float | None
    """Of the best balanced accuracy over all pairs."""

    @property
    def worst_tar_change(self) -> float:
        return min(self.tar_change.values(), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        rest = {name: value for name, value in asdict(self).items() if name != "agreement"}
        return {**asdict(self.agreement), **rest}


def see(student: AbstractBackbone, faces: AbstractFaces, count: int, seed: int = 0) -> Crops:
    """``count`` of the faces at the student's own size, chosen by the seed, with the student's embeddings.

    Raises:
        UserError: there are fewer, or one cannot be read.
    """
    if len(faces) < count:
        raise UserError(f"The gate needs {count} crops, and there are {len(faces)}; give a larger folder.")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(faces))[:count])
    pixels = read_crops(Resized(faces, student.preprocess.size_px), chosen)
    parts = torch.from_numpy(pixels).permute(0, 3, 1, 2).split(_BATCH)
    with torch.inference_mode(), evaluating(student) as (embedder, device):
        wanted = [embedder(part.contiguous().to(device)).float().cpu() for part in parts]
    return Crops(pixels, faces.labels[chosen], torch.cat(wanted).numpy())


_BATCH = 64


def read_crops(faces: AbstractFaces, numbers: Int[np.ndarray, " N"]) -> UInt8[np.ndarray, "N S S 3"]:
    """Some of the faces, in this order.

    Raises:
        UserError: one cannot be read.
    """
    images = [read_batch(faces, range(int(number), int(number) + 1)) for number in numbers]
    return torch.cat(images).permute(0, 2, 3, 1).contiguous().numpy()


def compare(crops: Crops, embed: Runner) -> Parity:
    """Everything that may have changed on the way into the file."""
    given = embed(crops.pixels).astype(np.float64)
    wanted, given = unit_rows(crops.wanted.astype(np.float64)), unit_rows(np.nan_to_num(given))
    error = np.abs(given @ given.T - wanted @ wanted.T)[np.triu_indices(len(given), 1)]
    before, after = (_figures(each, crops.labels) for each in (wanted, given))
    changes = {name: after[name] - before[name] for name in before}
    accuracy = changes.pop(_ACCURACY, None)
    return Parity(len(given), agreement(wanted, given), float(error.mean()), float(error.max()), changes, accuracy)


_ACCURACY = "balanced accuracy"


def _figures(rows: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"]) -> dict[str, float]:
    """TAR by FAR and the best balanced accuracy, where labels allow it."""
    if (labels == UNLABELLED).all():
        return {}
    scores = score_all(rows, labels)
    if not len(scores.genuine) or not len(scores.impostor):
        return {}
    tars = {f"{point.far_asked:g}": point.tar for point in tar_at_far(scores, FARS)}
    return {**tars, _ACCURACY: best_balanced_accuracy(scores)}
