"""The file ``property`` beside a training set: ``classes,height,width``."""

from pathlib import Path
from typing import NamedTuple

from ...errors import UserError


class Property(NamedTuple):
    """Number of identities, and the images' sides in pixels."""

    identities: int
    height_px: int
    width_px: int


def read_property(file: Path) -> Property:
    """What the file says.

    Raises:
        UserError: it cannot be read, or holds anything but three whole numbers.
    """
    try:
        numbers = [int(word) for word in file.read_text().split(",")]
        return Property(*numbers)
    except (OSError, ValueError, TypeError):
        raise UserError(f"{file} must hold three whole numbers, classes,height,width; repair or remove it.") from None
