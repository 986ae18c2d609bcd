"""What is computed, how surely, and under which convention."""

from dataclasses import dataclass
from typing import Any

from .intervals.bootstrap import REPLICATES
from .pairs.roc import check_fars
from .templates.conventions import DEFAULT, Convention, read_convention

Figures = dict[str, Any]
"""By name, ready for JSON."""

_SPARE = 4
"""Impostors are kept for this many times the highest FAR, since replicates weigh them unevenly."""


def kept_share(far: float) -> float:
    """Share of all impostor pairs, the highest, that figures and intervals up to this FAR need."""
    return min(1.0, _SPARE * far)


@dataclass(frozen=True)
class Settings:
    """What is computed, and how surely."""

    flip: bool = True
    """Whether the mirror image's embedding is added."""
    fars: tuple[float, ...] = (1e-3, 1e-4)
    replicates: int = REPLICATES
    seed: int = 0
    """Of the bootstrap."""
    convention: str = DEFAULT
    """How templates are made of images: a codebase's name, switches, or both; see ``templates/conventions.py``."""

    def __post_init__(self) -> None:
        check_fars(self.fars)
        read_convention(self.convention)

    @property
    def templates(self) -> Convention:
        """The convention, without the mirror image where none is embedded."""
        convention = read_convention(self.convention)
        return convention if self.flip else convention.without_flip()

    @property
    def kept_impostors(self) -> float:
        """Share of all impostor pairs that the figures need: the highest."""
        return kept_share(max(self.fars))
