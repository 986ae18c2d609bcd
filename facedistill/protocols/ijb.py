"""IJB-B (Whitelam et al., CVPR Workshops 2017) and IJB-C (Maze et al., ICB 2018): verification and identification.

Steps and ties are those of insightface's published ``eval_ijbc.py`` and ``evaluation_1N``; what the codebases disagree
on is the convention that ``Settings`` names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..data.ijb.faces import IjbFaces
from ..data.ijb.images import IjbImages, read_ijb_images
from ..data.ijb.protocol_lists import Listed, read_listed, read_template_pairs
from ..errors import UserError
from ..evaluate.embeddings.embed import Embeddings
from ..evaluate.identification.figures import Identification, identification_figures
from ..evaluate.identification.search import Entries, search
from ..evaluate.intervals.measure import Measure
from ..evaluate.pairs.roc import SUPPORTING_ERRORS
from ..evaluate.settings import Figures, Settings
from ..evaluate.templates.features import template_features, used_views
from ..evaluate.templates.figures import (
    TemplatePairs,
    listed_scores,
    template_pair_figures,
    template_pair_measure,
    thinned,
)
from .contract import AbstractProtocol, PairScores, Row
from .identification import identification_rows, identification_rules

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class Searches:
    """Who asks, and every gallery that answers."""

    probes: Listed
    galleries: tuple[Listed, ...]


class Ijb(AbstractProtocol):
    """a folder of IJB-B or IJB-C with meta/*_face_tid_mid.txt and loose_crop/."""

    def __init__(
        self, faces: IjbFaces, images: IjbImages, pairs: TemplatePairs | None, searches: Searches | None
    ) -> None:
        self.faces, self.images, self.pairs, self.searches = faces, images, pairs, searches

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return any((path / "meta").glob("*_face_tid_mid.txt"))

    @classmethod
    def open(cls, path: Path) -> "Ijb":
        meta = path / "meta"
        tid_mid = _only(meta, "*_face_tid_mid.txt")
        images = read_ijb_images(tid_mid, _only(meta, "*_name_5pts_score.txt"))
        pairs, searches = _pairs(meta, images), _searches(meta, images)
        if pairs is None and searches is None:
            raise UserError(
                f"{meta} has neither a *_template_pair_label.txt nor *_1N_gallery_*.csv; add the lists of the protocol."
            )
        return cls(IjbFaces(path / "loose_crop", images, tid_mid), images, pairs, searches)

    def figures(self, seen: Embeddings, settings: Settings) -> Figures:
        unit = self._templates(seen, settings)
        found: Figures = {"images": len(self.faces), "templates": len(unit), "xnorm": seen.xnorm}
        if self.pairs is not None:
            found["verification"] = template_pair_figures(unit, self.pairs, settings)
        if self.searches is not None:
            found["identification"] = identification_figures(_identification(unit, self.searches), settings)
        return {**found, "convention": _named(settings), "protocol": self._rules(settings)}

    def rows(self, figures: Figures) -> Iterator[Row]:
        if "verification" in figures:
            yield from _verification_rows(figures["verification"])
        if "identification" in figures:
            yield from identification_rows(figures["identification"])

    def pair_scores(self, seen: Embeddings, settings: Settings) -> PairScores | None:
        if self.pairs is None:
            return None
        return PairScores(*thinned(listed_scores(self._templates(seen, settings), self.pairs)))

    def measure(self, seen: Embeddings, settings: Settings) -> Measure | None:
        if self.pairs is None:
            return None
        return template_pair_measure(self._templates(seen, settings), self.pairs, settings)

    def _templates(self, seen: Embeddings, settings: Settings) -> Float[np.ndarray, "T D"]:
        images, convention = self.images, settings.templates
        views = used_views(seen, convention)
        return template_features(views, images.template, images.media, images.detector_scores, convention)

    def _rules(self, settings: Settings) -> dict[str, str]:
        named = _named(settings)
        rules = {
            "templates": f"convention {named['name']}: norm {named['norm']}, detector score {named['detector']}, flip "
            f"{named['flip']}; mean over a medium, sum over media, L2-normalised, float64",
        }
        if self.pairs is not None:
            rules |= _verification_rules(settings)
        return rules if self.searches is None else rules | identification_rules(settings)


def _only(meta: Path, pattern: str) -> Path:
    found = sorted(meta.glob(pattern))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise UserError(f"{meta} must have exactly one {pattern}; it has {names}.")
    return found[0]


def _pairs(meta: Path, images: IjbImages) -> TemplatePairs | None:
    if not any(meta.glob("*_template_pair_label.txt")):
        return None
    first, second, same = read_template_pairs(_only(meta, "*_template_pair_label.txt"), images.template_ids)
    return TemplatePairs(first, second, same, len(images.template_ids))


def _searches(meta: Path, images: IjbImages) -> Searches | None:
    galleries = sorted(meta.glob("*_1N_gallery_*.csv"))
    if not galleries:
        return None
    probes = read_listed(_only(meta, "*_1N_probe_mixed.csv"), images.template_ids)
    return Searches(probes, tuple(read_listed(file, images.template_ids) for file in galleries))


def _identification(unit: Float[np.ndarray, "T D"], searches: Searches) -> Identification:
    probes = searches.probes
    people, person = np.unique(probes.subject, return_inverse=True)
    asking = unit[probes.template]
    found = [search(asking, probes.subject, _entries(unit, gallery), gallery.subject) for gallery in searches.galleries]
    return Identification(found, person, len(people), RANKS)


def _entries(unit: Float[np.ndarray, "T D"], gallery: Listed) -> Entries:
    return lambda part: unit[gallery.template[part]]


def _named(settings: Settings) -> dict[str, str]:
    return {"name": settings.convention, **settings.templates.words()}


def _verification_rules(settings: Settings) -> dict[str, str]:
    return {
        "tar_at_far": "TAR at the ROC point whose FAR is nearest to the one asked for, without interpolation "
        "(scikit-learn's curve with dropped intermediate points); beside it the best TAR with FAR at most that; "
        f"unsupported where it allows fewer than {SUPPORTING_ERRORS} impostor errors",
        "interval": f"of the strict TAR: 95 %, percentile bootstrap over people, {settings.replicates} replicates, "
        f"seed {settings.seed}; people are templates that genuine pairs join",
    }


def _verification_rows(figures: Figures) -> Iterator[Row]:
    counts = f"{figures['pairs']['genuine']:,} genuine, {figures['pairs']['impostor']:,} impostor pairs"
    for far, point in figures["tar_at_far"].items():
        support = "" if point["supported"] else ": unsupported"
        note = f"FAR {point['far']:.3g}; strictly {100 * point['strict_tar']:.2f}; {counts}{support}"
        low, high = point["tar_interval"]
        yield Row(f"TAR at FAR {far}", point["tar"], (low, high), note)
