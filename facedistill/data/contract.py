"""What a set of faces is: aligned uint8 RGB crops with an identity each."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float, Int, UInt8


class AbstractFaces(ABC):
    """Aligned face crops, numbered from 0. The number of a crop is stable: the same files give the same numbers."""

    identities: tuple[str, ...]
    """Names of the identities, in the order of their labels."""
    labels: Int[np.ndarray, " N"]
    """int64 identity of every crop, or ``UNLABELLED``."""

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        """Pixels of one crop, RGB.

        Raises:
            UnreadableImage: the file cannot be decoded (drawn faces never raise).
        """

    @abstractmethod
    def name(self, index: int) -> str:
        """What to call this crop in a message or a list: a path below the root, or a number."""

    def encoded(self, index: int) -> bytes | None:
        """The image file of one crop, bit for bit as it is kept; None where there is none, as for drawn faces.

        Raises:
            UnreadableImage: the file cannot be read. It is not decoded, and may be damaged.
        """
        return None

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"] | None:
        """Eyes, nose and mouth corners (x, y) in crop pixels, left as seen in the image; None where unknown."""
        return None


class UnreadableImage(Exception):
    """An image that cannot be decoded; its text names the file and the reason."""
