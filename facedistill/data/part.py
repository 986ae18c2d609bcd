"""A part of the people: one bin of their frequency, or one of their groups. What a specialist is trained on."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..types import UNLABELLED
from .contract import AbstractFaces
from .groups import read_groups
from .subset import People


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which people take part in training; held-out identities are held out before, unlabelled faces stay.

    Raises:
        UserError: neither a bin nor a group, or both; no such bin.
    """

    bin: int | None = None
    """Number of a bin, from 0, the people with the fewest faces."""
    bins: int = 3
    """How many, of equally many people; as many, medium and few in RSKD."""
    group: str | None = None
    """Name of a group."""
    groups: Path | None = None
    """File with the columns ``path,group`` that gives every face one."""

    def __post_init__(self) -> None:
        if (self.bin is None) == (self.group is None) or (self.group is None) != (self.groups is None):
            raise UserError("data.part needs either `bin`, or `group` with the file `groups`, and not both.")
        if self.bin is not None and not 0 <= self.bin < self.bins:
            raise UserError(f"data.part has the bins 0 to {self.bins - 1}; there is no {self.bin}.")

    def of(self, faces: AbstractFaces) -> frozenset[str]:
        """Names of the people that belong to it.

        Raises:
            UserError: fewer people than bins, no such group, or a person with faces in two.
        """
        return frozenset(self._rare(faces) if self.groups is None else self._grouped(faces, self.groups))

    def _rare(self, faces: AbstractFaces) -> list[str]:
        people = faces.identities
        if len(people) < self.bins:
            raise UserError(f"data.part cannot make {self.bins} bins of {len(people)} people.")
        counts = np.bincount(faces.labels[faces.labels != UNLABELLED], minlength=len(people))
        by_count = sorted(range(len(people)), key=lambda label: (counts[label], people[label]))
        return [people[label] for label in np.array_split(by_count, self.bins)[self.bin or 0]]

    def _grouped(self, faces: AbstractFaces, file: Path) -> list[str]:
        names, group_of_face = read_groups(file, faces)
        if self.group not in names:
            raise UserError(f"{file} names no group '{self.group}'; it has {', '.join(names)}.")
        groups: dict[int, set[str]] = defaultdict(set)
        for label, group in zip(faces.labels.tolist(), group_of_face.tolist(), strict=True):
            groups[label].add(names[group])
        torn = [faces.identities[label] for label, found in groups.items() if label != UNLABELLED and len(found) > 1]
        if torn:
            raise UserError(f"{file} puts faces of '{min(torn)}' into several groups; specialists share nobody.")
        return [faces.identities[label] for label, found in groups.items() if found == {self.group}]


def only(faces: AbstractFaces, people: frozenset[str]) -> AbstractFaces:
    """The faces of some people, numbered anew, and those without a label.

    Raises:
        UserError: nobody is left.
    """
    kept = [label for label, name in enumerate(faces.identities) if name in people]
    if not kept:
        raise UserError("data.part leaves nobody to train on; all of its people are held out for validation.")
    return People(faces, kept, unlabelled=True)
