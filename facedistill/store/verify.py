"""Is a store still what was written, and would its teacher say the same again?"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..data.chance import Purpose, chance
from ..device import choose_device
from ..errors import UserError
from ..recipe import Recipe
from ..signature import build
from ..teachers.contract import AbstractTeacher
from ..train.assemble import load_faces, shown_in
from ..train.prepare import Load
from .build import named
from .plan import BATCH, Asking, asking_for
from .reader import Reader
from .seal import check_small, damaged
from .subject import check_shown

QUANTILES = {"least": 0.0, "median": 0.5, "p90": 0.9, "p99": 0.99, "most": 1.0}

Gaps = Float[np.ndarray, " M"]

LARGEST_GAP = 1e-3
"""Of 1 − cos: rounding to int8, and a teacher in bf16 in other batches, stay far below; another view lies far above."""


@dataclass(frozen=True)
class Verdict:
    """What was found."""

    damaged: tuple[str, ...]
    asked: int
    """Answers that the teacher gave again."""
    gaps: dict[str, dict[str, float]]
    """Quantiles of 1 − cos between what is stored and what is answered now, by answer."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "trustworthy": self.trustworthy}

    @property
    def trustworthy(self) -> bool:
        """Whether a training may use it."""
        return not self.damaged and all(gap["most"] < LARGEST_GAP for gap in self.gaps.values())


def verify_store(
    folder: Path,
    recipe: Callable[[dict[str, Any]], Recipe],
    *,
    sample: int = 256,
    load: Load = load_faces,
    progress: Callable[[int], object] = lambda done: None,
) -> Verdict:
    """Read all of a store, and ask its teacher again for some answers spread over it.

    Args:
        recipe: makes a recipe of the one in the store's header, which may name faces or weights that have moved.
        sample: answers to ask again; 0 none.
        progress: told how many blocks have been read.

    Raises:
        UserError: no store, faces that are not those it is of, or a teacher that cannot be asked.
    """
    check_small(folder)
    reader = Reader(folder)
    bad = tuple(damaged(folder, reader.header.layout, progress=progress))
    gaps: dict[str, Gaps] = {}
    if sample and not bad:
        gaps = _gaps(reader, _asking(reader, recipe(dict(reader.header.recipe)), load), sample)
    asked = len(next(iter(gaps.values()), ()))
    return Verdict(bad, asked, {answer: _quantiles(values) for answer, values in gaps.items()})


def _asking(reader: Reader, recipe: Recipe, load: Load) -> Asking:
    if recipe.teacher is None:
        raise UserError(f"The store {reader.folder} names no teacher to ask.")
    sets, device = load(recipe), choose_device(recipe.training.device)
    shown = shown_in(recipe, sets.training)
    check_shown(reader.header.of, shown, reader.folder)
    teacher: AbstractTeacher = build("teachers", AbstractTeacher, recipe.teacher).to(device)
    return asking_for(shown, teacher, device, 0)


def _gaps(reader: Reader, asking: Asking, sample: int) -> dict[str, Gaps]:
    """1 − cos by answer, over samples drawn from all pictures."""
    layout = reader.header.layout
    samples, answers = layout.samples, layout.answers
    drawn = np.sort(chance(Purpose.ORDER, 0).choice(answers, min(sample, answers), replace=False))
    found: dict[str, list[Gaps]] = {answer: [] for answer in reader.header.answers}
    for picture in np.unique(drawn // samples).tolist():
        index = drawn[drawn // samples == picture] % samples
        batches = np.array_split(index, -(-len(index) // BATCH))
        for batch, seen in zip(batches, asking.answers(picture, batches), strict=True):
            held = reader.answers(batch, np.full_like(batch, picture))
            for name, now in named(seen).items():
                if name in held:
                    found[name].append(_apart(held[name], now.cpu()))
    return {answer: np.concatenate(values) for answer, values in found.items()}


def _apart(held: Float[Tensor, "M ..."], now: Float[Tensor, "M ..."]) -> Gaps:
    """1 − cos of every row, maps as long vectors; in float64, since the gaps of fp16 are those of float32."""
    apart: Gaps = (1 - F.cosine_similarity(held.flatten(1).double(), now.flatten(1).double())).numpy()
    return apart


def _quantiles(gaps: Gaps) -> dict[str, float]:
    return {name: float(np.quantile(gaps, share)) for name, share in QUANTILES.items()}
