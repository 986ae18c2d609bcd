"""A figure as a function of how often each identity counts."""

from dataclasses import dataclass

import numpy as np

from .bootstrap import Statistic


@dataclass(frozen=True)
class Measure:
    """Figures of one model that a paired bootstrap can draw again."""

    names: tuple[str, ...]
    """Of the M figures, as a table shows them."""
    statistic: Statistic
    """The M figures, given how often each unit counts."""
    units: int
    """What is drawn: identities, or pairs where nobody knows who is who."""


def joined(first: Measure, second: Measure) -> Measure:
    """Both measures of the same units."""
    assert first.units == second.units
    return Measure(
        first.names + second.names,
        lambda weights: np.concatenate([first.statistic(weights), second.statistic(weights)]),
        first.units,
    )
