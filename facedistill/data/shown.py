"""What a training shows its networks: view n of every face in epoch n."""

from dataclasses import dataclass

from .contract import AbstractFaces
from .mix import Mix
from .views import Views


@dataclass(frozen=True)
class Shown:
    """Everything that decides the pixels of a training, whatever their order."""

    faces: AbstractFaces
    views: Views
    mix: Mix | None
    seed: int
    epochs: int
