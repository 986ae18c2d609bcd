"""Identification against distractors, as TinyFace asks it (Cheng et al., ACCV 2018, arXiv:1811.08965).

Two layouts: ``gallery/<identity>/``, ``probe/<identity>/`` and perhaps ``distractors/``; or TinyFace's own
``Gallery_Match``, ``Probe`` and ``Gallery_Distractor``, where the identity stands before the first underscore of an
image's name. Every image is an entry of its own. Crops are aligned and square; they are brought to 112 px.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ..data.contract import AbstractFaces
from ..data.folder import FolderFaces
from ..data.joined import Joined
from ..data.resized import Resized
from ..errors import UserError
from ..evaluate.embeddings.embed import Embeddings
from ..evaluate.embeddings.unit import unit_rows
from ..evaluate.identification.figures import Identification, identification_figures
from ..evaluate.identification.search import search
from ..evaluate.intervals.measure import Measure
from ..evaluate.pairs.roc import SUPPORTING_ERRORS
from ..evaluate.settings import Figures, Settings
from .contract import AbstractProtocol, PairScores, Row

RANKS = (1, 5, 10, 20)
SIZE_PX = 112


class Layout(NamedTuple):
    """Names of the three folders, and where an image's identity stands."""

    gallery: str
    probe: str
    distractors: str
    in_folders: bool


LAYOUTS = (
    Layout("gallery", "probe", "distractors", in_folders=True),
    Layout("Gallery_Match", "Probe", "Gallery_Distractor", in_folders=False),
)


@dataclass(frozen=True)
class Sides:
    """How many images each part has; they follow one another."""

    gallery: int
    distractors: int
    probes: int

    @property
    def entries(self) -> int:
        return self.gallery + self.distractors


class GallerySearch(AbstractProtocol):
    """a folder with gallery/ and probe/ and perhaps distractors/, or TinyFace's Gallery_Match/ and Probe/."""

    def __init__(self, faces: AbstractFaces, sides: Sides) -> None:
        self.faces, self.sides = Resized(faces, SIZE_PX), sides

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return _layout(path) is not None

    @classmethod
    def open(cls, path: Path) -> "GallerySearch":
        layout = _layout(path)
        if layout is None:
            raise UserError(f"{path} needs the folders gallery and probe, or Gallery_Match and Probe.")
        parts = {name: _part(path / name, layout, name) for name in (layout.gallery, layout.distractors, layout.probe)}
        there = {name: faces for name, (faces, _) in parts.items() if faces is not None}
        faces = Joined(there, [identity for _, identities in parts.values() for identity in identities])
        gallery, distractors, probes = (len(identities) for _, identities in parts.values())
        mates = set(parts[layout.gallery][1]) & set(parts[layout.probe][1])
        if not mates:
            raise UserError(f"No identity of {path / layout.probe} is in {path / layout.gallery}; check the names.")
        return cls(faces, Sides(gallery, distractors, probes))

    def figures(self, seen: Embeddings, settings: Settings) -> Figures:
        return {
            **identification_figures(self._asked(seen, seen, settings), settings),
            "gallery": self.sides.gallery,
            "distractors": self.sides.distractors,
            "xnorm": seen.xnorm,
            "protocol": {
                "embedding": "raw sum of image and mirror image, L2-normalised"
                if settings.flip
                else "image alone, no mirror image, L2-normalised",
                **identification_rules(settings),
            },
        }

    def between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Figures:
        return identification_figures(self._asked(query, gallery, settings), settings)

    def measure(self, seen: Embeddings, settings: Settings) -> Measure:
        asked = self._asked(seen, seen, settings)
        tpirs = asked.fpirs if asked.open_set else ()
        names = [*(f"rank {rank}" for rank in asked.ranks), *(f"TPIR at FPIR {fpir:g}" for fpir in tpirs)]
        return Measure(tuple(names), asked.statistic, asked.people)

    def rows(self, figures: Figures) -> Iterator[Row]:
        yield from identification_rows(figures)

    def pair_scores(self, seen: Embeddings, settings: Settings) -> PairScores:
        """Of every probe its most similar own entry and its most similar other."""
        asked = self._asked(seen, seen, settings)
        found = asked.found[0]
        return PairScores(np.sort(found.own[found.mated])[::-1], np.sort(found.other)[::-1])

    def _asked(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Identification:
        entries, labels = self.sides.entries, self.faces.labels
        probes = _unit(query, slice(entries, None))
        asking, owners = labels[entries:], labels[:entries]
        found = search(probes, asking, lambda part: _unit(gallery, part, entries), owners)
        people, person = _numbered(asking)
        return Identification([found], person, people, RANKS)


def identification_rules(settings: Settings) -> dict[str, str]:
    """The rules of rank and TPIR, in words to be printed with them."""
    return {
        "rank": "over all probes; a hit at rank k iff fewer than k entries of others are at least as similar as the "
        "most similar own entry; hits of several galleries are added",
        "tpir_at_fpir": "threshold of each gallery from the highest similarities of its non-mated probes; similarity "
        "strictly above it and above all others; mean over galleries; unsupported where FPIR allows fewer than "
        f"{SUPPORTING_ERRORS} errors",
        "identification_interval": f"95 %, percentile bootstrap over the people of the probes, {settings.replicates} "
        f"replicates, seed {settings.seed}; galleries stay as they are",
    }


def identification_rows(figures: Figures) -> Iterator[Row]:
    """Every rank, then every TPIR."""
    probes = f"{figures['probes']:,} probes of {figures['people']:,} people"
    for rank, share in figures["rank"].items():
        yield Row(f"rank {rank}", share["share"], _ends(share), probes)
    for fpir, share in figures["tpir_at_fpir"].items():
        strangers = ", ".join(f"{gallery['non_mated']:,}" for gallery in figures["galleries"])
        support = "" if share["supported"] else ": unsupported"
        yield Row(f"TPIR at FPIR {fpir}", share["share"], _ends(share), f"{strangers} non-mated probes{support}")


def _ends(share: Figures) -> tuple[float, float]:
    low, high = share["interval"]
    return low, high


def _layout(path: Path) -> Layout | None:
    names = {entry.name for entry in path.iterdir() if entry.is_dir()} if path.is_dir() else set()
    return next((layout for layout in LAYOUTS if {layout.gallery, layout.probe} <= names), None)


def _part(folder: Path, layout: Layout, name: str) -> tuple[AbstractFaces | None, list[str | None]]:
    """Faces of one folder, and the person on each; distractors are nobody and may be absent."""
    nobody = name == layout.distractors
    if nobody and not folder.is_dir():
        return None, []
    faces = FolderFaces(folder, labelled=layout.in_folders and not nobody)
    if nobody:
        return faces, [None] * len(faces)
    if layout.in_folders:
        return faces, [faces.identities[label] for label in faces.labels]
    return faces, [_before_underscore(folder, faces.name(number)) for number in range(len(faces))]


def _before_underscore(folder: Path, name: str) -> str:
    identity, underscore, _ = name.rpartition("/")[2].partition("_")
    if not underscore or not identity:
        raise UserError(f"{folder / name}: the name must begin with the identity and an underscore, such as 12_3.jpg.")
    return identity


def _unit(seen: Embeddings, part: slice, entries: int | None = None) -> Float[np.ndarray, "n D"]:
    """L2-normalised sums over the views, of some images only: the whole in float64 would be gigabytes."""
    begin, end, _ = part.indices(seen.views.shape[1] if entries is None else entries)
    return unit_rows(seen.views[:, begin:end].sum(axis=0, dtype=np.float64))


def _numbered(labels: Int[np.ndarray, " P"]) -> tuple[int, Int[np.ndarray, " P"]]:
    people, person = np.unique(labels, return_inverse=True)
    return len(people), person
