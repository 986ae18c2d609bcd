"""Errors by group at one threshold, as on RFW: a folder of faces that says which group every image belongs to."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int

from ..data.contract import AbstractFaces
from ..data.folder import FolderFaces
from ..data.groups import GROUPS_FILE, read_groups
from ..data.pairs import Pairs, read_pairs
from ..errors import UserError
from ..evaluate.embeddings.embed import Embeddings
from ..evaluate.intervals.measure import Measure
from ..evaluate.pairs.demographics import Group, group_figures, groups_of_all_pairs, groups_of_listed_pairs
from ..evaluate.pairs.scores import AbstractScores
from ..evaluate.settings import Figures, Settings
from .contract import AbstractProtocol, PairScores, Row
from .verification import Verification


class Groups(AbstractProtocol):
    """a folder <identity>/<image> with groups.csv (path,group), and pairs.txt or pairs.csv or neither."""

    def __init__(
        self, faces: AbstractFaces, pairs: Pairs | None, names: tuple[str, ...], group: Int[np.ndarray, " N"]
    ) -> None:
        self.faces = faces
        self._verification = Verification(faces, pairs)
        self._names, self._group = names, group

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return (path / GROUPS_FILE).is_file()

    @classmethod
    def open(cls, path: Path) -> "Groups":
        faces = FolderFaces(path)
        return cls(faces, read_pairs(path, faces), *read_groups(path / GROUPS_FILE, faces))

    def figures(self, seen: Embeddings, settings: Settings) -> Figures:
        """Those of the folder, and of every group."""
        figures = self._verification.figures(seen, settings)
        which = "all pairs" if self._verification.pairs is None else "the listed pairs"
        rule = f"FMR and FNMR over {which} within a group, at the one threshold of the FMR wanted over {which}"
        figures["groups"] = group_figures(*self._scored(seen, settings), settings)
        figures["protocol"] = {**figures["protocol"], "groups": rule}
        return figures

    def _scored(self, seen: Embeddings, settings: Settings) -> tuple[AbstractScores, list[Group]]:
        labels, pairs = self.faces.labels, self._verification.pairs
        if pairs is None:
            whole, groups = groups_of_all_pairs(seen.unit, labels, self._group, self._names, settings)
        else:
            whole, groups = groups_of_listed_pairs(seen.unit, labels, self._group, self._names, pairs)
        for group in groups:
            if not len(group.scores.genuine) or not group.scores.impostor_pairs:
                raise UserError(f"Group '{group.name}' has no genuine or no impostor pair; give it more images.")
        return whole, groups

    def between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Figures:
        return self._verification.between(query, gallery, settings)

    def measure(self, seen: Embeddings, settings: Settings) -> Measure:
        return self._verification.measure(seen, settings)

    def measure_between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Measure:
        return self._verification.measure_between(query, gallery, settings)

    def rows(self, figures: Figures) -> Iterator[Row]:
        yield from self._verification.rows(figures)
        for far, at in figures.get("groups", {}).items():
            for error, ratio in at["ratios"].items():
                for name, of_group in at["groups"].items():
                    yield _row(f"{error.upper()} of {name} at FMR {far}", error, of_group, ratio)

    def pair_scores(self, seen: Embeddings, settings: Settings) -> PairScores | None:
        return self._verification.pair_scores(seen, settings)


def _row(figure: str, error: str, of_group: Figures, ratio: Figures) -> Row:
    low, high = of_group[f"{error}_interval"]
    ends = None if low is None or high is None else (low, high)
    spans = [_times(end) for end in (ratio["highest_over_lowest"], *ratio["interval"])]
    note = "highest over lowest group {} ({} to {})".format(*spans)
    supported = "" if of_group["supported"] else ": unsupported"
    return Row(figure, of_group[error], ends, note + supported)


def _times(ratio: float | None) -> str:
    return "without end" if ratio is None else f"{ratio:.2f}"
