"""Verification on a folder of faces: ten-fold accuracy where it lists pairs, and TAR at FAR over all its pairs."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from ..data.contract import AbstractFaces
from ..data.folder import FolderFaces
from ..data.pairs import Pairs, read_pairs
from ..evaluate.embeddings.embed import Embeddings
from ..evaluate.intervals.measure import Measure, joined
from ..evaluate.pairs.figures import accuracy_figures, all_pairs_figures
from ..evaluate.pairs.likeness import likeness
from ..evaluate.pairs.roc import SUPPORTING_ERRORS
from ..evaluate.pairs.sample import thinned_scores
from ..evaluate.pairs.scores import score_all, score_all_between
from ..evaluate.pairs.statistics import accuracy_measure, tar_measure
from ..evaluate.settings import Figures, Settings
from .contract import AbstractProtocol, PairScores, Row


class Verification(AbstractProtocol):
    """a folder <identity>/<image>, with pairs.txt or pairs.csv in it or without."""

    general: ClassVar[bool] = True

    def __init__(self, faces: AbstractFaces, pairs: Pairs | None) -> None:
        self.faces, self.pairs = faces, pairs

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return path.is_dir()

    @classmethod
    def open(cls, path: Path) -> "Verification":
        faces = FolderFaces(path)
        return cls(faces, read_pairs(path, faces))

    def figures(self, seen: Embeddings, settings: Settings) -> Figures:
        return embedding_figures(seen, self.faces.labels, self.pairs, settings)

    def between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Figures:
        labels, pairs = self.faces.labels, self.pairs
        listed = {} if pairs is None else accuracy_figures(query.unit, gallery.unit, labels, pairs, settings)
        return {**listed, **all_pairs_figures(query.unit, gallery.unit, labels, settings)}

    def measure(self, seen: Embeddings, settings: Settings) -> Measure:
        labels = self.faces.labels
        tar = tar_measure(score_all(seen.unit, labels, settings.kept_impostors), settings.fars)
        if self.pairs is None:
            return tar
        distances = likeness(seen.unit, seen.unit, self.pairs).distances
        return joined(accuracy_measure(distances, labels, self.pairs), tar)

    def measure_between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Measure:
        scores = score_all_between(query.unit, gallery.unit, self.faces.labels, settings.kept_impostors)
        return tar_measure(scores, settings.fars)

    def rows(self, figures: Figures) -> Iterator[Row]:
        yield from verification_rows(figures)

    def pair_scores(self, seen: Embeddings, settings: Settings) -> PairScores | None:
        return PairScores(*thinned_scores(seen.unit, self.faces.labels, settings.kept_impostors))


def embedding_figures(
    seen: Embeddings, labels: Int[np.ndarray, " N"], pairs: Pairs | None, settings: Settings
) -> Figures:
    """Figures of embeddings that are there already, with the rules they were made by."""
    unit = seen.unit
    listed = {} if pairs is None else accuracy_figures(unit, unit, labels, pairs, settings)
    return {
        **listed,
        **all_pairs_figures(unit, None, labels, settings),
        "xnorm": seen.xnorm,
        "images": len(labels),
        "protocol": rules(settings, pairs),
    }


def rules(settings: Settings, pairs: Pairs | None) -> dict[str, str]:
    """The rules a figure was made by, in words to be printed with it."""
    stated = {
        "embedding": embedding_rule(settings),
        "tar_at_far": "best TAR with FAR at most the one asked for; unsupported where that allows fewer than "
        f"{SUPPORTING_ERRORS} impostor errors",
        "interval": f"95 %, percentile bootstrap over identities, {settings.replicates} replicates, "
        f"seed {settings.seed}",
    }
    return stated if pairs is None else stated | accuracy_rules(pairs)


def embedding_rule(settings: Settings) -> str:
    """What stands for an image, in words to be printed with its figures."""
    views = "raw sum of image and mirror image" if settings.flip else "image alone, no mirror image"
    return f"{views}, float64, then L2-normalised"


def accuracy_rules(pairs: Pairs) -> dict[str, str]:
    """The rules of figures over folds, in words to be printed with them."""
    return {
        "accuracy": f"{pairs.folds} contiguous folds; for each the first best of 400 thresholds 0.00 to 3.99 on the "
        "squared distance over the other folds, same iff below; spread with ddof 0",
        "accuracy_exact": "the same folds; for each the middle of the others' first best gap between distances",
        "fold_tar_at_far": "the same folds; for each the threshold of that FAR over the other folds, linearly "
        "interpolated between thresholds 0.001 apart, 0 where none reaches it; mean over folds, spread with ddof 0",
    }


def verification_rows(figures: Figures) -> Iterator[Row]:
    """Accuracy where pairs were listed, and TAR at FAR over all pairs."""
    if "accuracy" in figures:
        yield from accuracy_rows(figures)
    yield from tar_rows(figures["tar_at_far"], figures["all_pairs"])


def accuracy_rows(figures: Figures) -> Iterator[Row]:
    """Accuracy as published, and what a finer threshold makes of it."""
    spread = f"+- {100 * figures['accuracy_std']:.2f} over {len(figures['folds'])} folds"
    exact = f"at the true optimum {100 * figures['accuracy_exact']:.2f}"
    yield Row("accuracy", figures["accuracy"], _ends(figures["accuracy_interval"]), f"{spread}; {exact}")


def tar_rows(points: Figures, pairs: Figures) -> Iterator[Row]:
    """TAR at every FAR, with the number of pairs behind it."""
    counts = f"{pairs['genuine']:,} genuine, {pairs['impostor']:,} impostor pairs"
    for far, point in points.items():
        note = counts if point["supported"] else f"{counts}: unsupported"
        yield Row(f"TAR at FAR {far}", point["tar"], _ends(point["tar_interval"]), note)


def _ends(interval: list[float]) -> tuple[float, float]:
    low, high = interval
    return low, high
