"""Mixed faces: what two people have in common is for the teacher to say. mixup: Beyond Empirical Risk Minimization.
Zhang et al. ICLR 2018. arXiv:1710.09412; for distillation, STKD. Zhao et al. 2021. arXiv:2103.10047

    x̃ = λ x_i + (1 − λ) x_j          λ ~ Beta(α, α);  x_i, x_j: views of two samples

A margin on a mixed label means nothing, so mixed faces are ``UNLABELLED``.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from ..errors import UserError
from .chance import Purpose, chance

Image = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Which samples of an epoch are mixed, with whom and how: a function of (seed, sample, view number) alone.

    Raises:
        UserError: a share outside 0..1, or alpha not above 0.
    """

    share: float = 0.25
    """Probability that a sample is replaced by a mixed one."""
    alpha: float = 1.0
    """α; 1 makes every λ as likely as any other, less favours faces that are mostly one person's."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or self.alpha <= 0:
            raise UserError(
                f"data.mix needs a share from 0 to 1 and an alpha above 0; it has {self.share:g} and {self.alpha:g}."
            )

    def partner(self, count: int, *, seed: int, index: int, number: int) -> tuple[int, float] | None:
        """Another of ``count`` samples, and λ; None where view ``number`` of sample ``index`` stays unmixed."""
        draws = chance(Purpose.MIX, seed, index, number)
        if draws.random() >= self.share or count < 2:
            return None
        return (index + 1 + int(draws.integers(count - 1))) % count, float(draws.beta(self.alpha, self.alpha))


def mixed(own: Image, other: Image, weight: float) -> Image:
    """λ ``own`` + (1 − λ) ``other``, rounded."""
    return cv2.addWeighted(own, weight, other, 1 - weight, 0)
