"""How published evaluations turn image features into template features, by the codebase's name.

The codebases agree on the mean over a medium, the sum over media, the L2-normalised template and the nearest-FAR rule;
they differ in the three switches below, which move IJB-C's TAR at FAR 1e-4 by half a point. A name or switches say
which: ``cvlface``, ``cvlface,detector=no`` or ``norm=kept,detector=no,flip=yes``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import UserError, unknown

_ANSWERS = {"yes": True, "no": False}


@dataclass(frozen=True)
class Convention:
    """Three switches, and one rule that only matters with the mirror image."""

    norm_kept: bool
    """Whether an image feature enters a template with its length; otherwise L2-normalised."""
    detector: bool
    """Whether an image feature is multiplied by its detector score."""
    flip: bool
    """Whether the feature of the mirrored crop is added."""
    unit_views: bool = False
    """Whether image and mirror image are each L2-normalised before they are added."""

    def without_flip(self) -> "Convention":
        return replace(self, flip=False)

    def words(self) -> dict[str, str]:
        """The switches, as they are written."""
        norm = "kept" if self.norm_kept else "removed"
        return {"norm": norm, "detector": _word(self.detector), "flip": _word(self.flip)}


CONVENTIONS: Mapping[str, Convention] = {
    "insightface": Convention(norm_kept=True, detector=True, flip=True),
    "cvlface": Convention(norm_kept=False, detector=True, flip=True),
    # Weighs image and mirror image by their norms, which is their raw sum.
    "adaface": Convention(norm_kept=True, detector=False, flip=True),
    # Saves L2-normalised features, so that its optional mirror image is a sum of unit vectors.
    "tface": Convention(norm_kept=False, detector=False, flip=False, unit_views=True),
    "facexzoo": Convention(norm_kept=False, detector=True, flip=False),
}
"""The headline convention of each codebase."""

DEFAULT = "insightface"

_SWITCHES: Mapping[str, tuple[Mapping[str, bool], Callable[[bool], dict[str, Any]]]] = {
    "norm": ({"kept": True, "removed": False}, lambda on: {"norm_kept": on}),
    "detector": (_ANSWERS, lambda on: {"detector": on}),
    "flip": (_ANSWERS, lambda on: {"flip": on}),
}


def read_convention(text: str) -> Convention:
    """A convention by name, by switches, or by a name whose switches are changed.

    Raises:
        UserError: a name, a switch or a value that nobody knows; the nearest known one is given.
    """
    first, *rest = [part.strip() for part in text.split(",")]
    if "=" in first:
        first, rest = DEFAULT, [first, *rest]
    if first not in CONVENTIONS:
        raise unknown("convention", first, CONVENTIONS)
    changes = [_change(part) for part in rest]
    return replace(CONVENTIONS[first], **{name: value for change in changes for name, value in change.items()})


def _change(part: str) -> dict[str, Any]:
    switch, equals, value = (piece.strip() for piece in part.partition("="))
    if switch not in _SWITCHES or not equals:
        raise unknown("switch", switch, _SWITCHES, "the convention")
    values, change = _SWITCHES[switch]
    if value not in values:
        raise UserError(f"The convention's switch {switch} is {' or '.join(values)}; it got '{value}'.")
    return change(values[value])


def _word(on: bool) -> str:
    return "yes" if on else "no"
