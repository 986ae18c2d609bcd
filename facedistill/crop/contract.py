"""Who says where the face of a photograph is, and what it answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8

from ..errors import UserError


@dataclass(frozen=True)
class Face:
    """A face in a photograph."""

    points_px: Float[np.ndarray, "5 2"]
    """Eyes, nose and mouth corners (x, y) in the photograph's pixels, left as seen in it."""
    score: float | None = None
    """The detector's, 0 to 1; None where the points were given."""


class NoFace(UserError):
    """No face to crop; the text gives the reason alone."""

    exit_code: ClassVar[int] = 1


class SeveralFaces(NoFace):
    """More than one face where only one may be."""


class AbstractLocator(ABC):
    """Finds the one face of a photograph. Threads share a locator."""

    @abstractmethod
    def locate(self, name: str, photograph: UInt8[np.ndarray, "H W 3"]) -> Face:
        """The face to crop from an RGB photograph; ``name`` is its path below the folder, ``/`` between the parts.

        Raises:
            NoFace: there is none to crop.
        """

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that the answers depend on, as JSON takes it: two runs may continue each other if it is equal."""
