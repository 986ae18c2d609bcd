"""A network's figures on folders of faces, with the protocol printed beside them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from ..backbones.contract import AbstractBackbone
from ..data.contract import AbstractFaces
from ..data.folder import FolderFaces
from .asymmetric import asymmetric_figures
from .embed import Embedder, Embeddings, Report, embed
from .figures import Figures, Settings, accuracy_figures, all_pairs_figures
from .pairs import Pairs, read_pairs
from .roc import SUPPORTING_ERRORS

Network = AbstractBackbone | Embedder

SetReport = Callable[[str, int, int], None]
"""Told which set is being embedded, how many images are done, and of how many."""


def evaluate(
    network: Network,
    on: Mapping[str, Path],
    *,
    settings: Settings | None = None,
    gallery: Network | None = None,
    batch: int = 128,
    report: SetReport | None = None,
) -> dict[str, Figures]:
    """Figures for every folder ``<root>/<identity>/<image>``, by the name given to it.

    A folder with ``pairs.txt`` or ``pairs.csv`` gets ten-fold accuracy; every folder gets TAR at FAR over all pairs of
    its images. With ``gallery``, a teacher in the same space, the networks are also judged against each other.

    Raises:
        UserError: a folder, an image or a list that cannot be read; networks whose widths differ.
    """
    settings = settings or Settings()
    sets = {name: _opened(root) for name, root in on.items()}
    return {
        name: evaluate_faces(
            network, faces, pairs, settings=settings, gallery=gallery, batch=batch, report=_named(report, name)
        )
        for name, (faces, pairs) in sets.items()
    }


def evaluate_faces(
    network: Network,
    faces: AbstractFaces,
    pairs: Pairs | None = None,
    *,
    settings: Settings | None = None,
    gallery: Network | None = None,
    batch: int = 128,
    report: Report | None = None,
) -> Figures:
    """Figures for one set of faces; as ``evaluate``."""
    settings = settings or Settings()
    seen = embed(network, faces, flip=settings.flip, batch=batch, report=report)
    figures = embedding_figures(seen, faces.labels, pairs, settings)
    if gallery is not None:
        enrolled = embed(gallery, faces, flip=settings.flip, batch=batch, report=report)
        figures["asymmetric"] = asymmetric_figures(seen.unit, enrolled.unit, faces.labels, pairs, settings)
    return figures


def embedding_figures(
    seen: Embeddings, labels: Int[np.ndarray, " N"], pairs: Pairs | None, settings: Settings
) -> Figures:
    """Figures of embeddings that are there already."""
    unit: Float[np.ndarray, "N D"] = seen.unit
    listed = {} if pairs is None else accuracy_figures(unit, unit, labels, pairs, settings)
    return {
        **listed,
        **all_pairs_figures(unit, None, labels, settings),
        "xnorm": seen.xnorm,
        "images": len(labels),
        "protocol": protocol(settings, pairs),
    }


def protocol(settings: Settings, pairs: Pairs | None) -> dict[str, str]:
    """The rules a figure was made by, in words to be printed with it."""
    views = "raw sum of image and mirror image" if settings.flip else "image alone, no mirror image"
    rules = {
        "embedding": f"{views}, float64, then L2-normalised",
        "tar_at_far": "best TAR with FAR at most the one asked for; unsupported where that allows fewer than "
        f"{SUPPORTING_ERRORS} impostor errors",
        "interval": f"95 %, percentile bootstrap over identities, {settings.replicates} replicates, "
        f"seed {settings.seed}",
    }
    if pairs is not None:
        rules["accuracy"] = (
            f"{pairs.folds} contiguous folds; for each the first best of 400 thresholds 0.00 to 3.99 on the squared "
            "distance over the other folds, same iff below; spread with ddof 0"
        )
    return rules


def _opened(root: Path) -> tuple[FolderFaces, Pairs | None]:
    faces = FolderFaces(root)
    return faces, read_pairs(root, faces)


def _named(report: SetReport | None, name: str) -> Report | None:
    return None if report is None else lambda done, total: report(name, done, total)
