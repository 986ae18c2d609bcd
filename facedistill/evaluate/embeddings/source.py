"""Where a model's embeddings come from: a network that runs, perhaps with a memory, or a folder that holds them."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from ...backbones.contract import AbstractBackbone
from ...data.contract import AbstractFaces
from ...errors import UserError
from .embed import Embedder, Embeddings, Report, embed
from .store import load_embeddings


class AbstractSource(ABC):
    """Embeddings of any set of faces."""

    @abstractmethod
    def embeddings(self, faces: AbstractFaces, *, flip: bool, report: Report | None = None) -> Embeddings:
        """Embeddings of every face, in order.

        Raises:
            UserError: an image that cannot be read, or one that there is no embedding of.
        """

    @property
    @abstractmethod
    def rules(self) -> dict[str, str]:
        """What must be printed with its figures beyond a benchmark's own rules, or instead of them."""


class NetworkSource(AbstractSource):
    """What a network answers."""

    def __init__(self, network: AbstractBackbone | Embedder) -> None:
        self._network = network

    def embeddings(self, faces: AbstractFaces, *, flip: bool, report: Report | None = None) -> Embeddings:
        return embed(self._network, faces, flip=flip, report=report)

    @property
    def rules(self) -> dict[str, str]:
        if not isinstance(self._network, AbstractBackbone):
            return {}
        return {"preprocessing": self._network.preprocess.words}


class StoredSource(AbstractSource):
    """Embeddings in a folder as ``facedistill embed`` writes it, found by the paths of their images.

    Args:
        folder: with ``embeddings.npy`` or ``embeddings.parquet``.

    Raises:
        UserError: a file that is missing or cannot be read; a path that occurs twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen, paths, _ = load_embeddings(folder)
        self._numbers = {path: number for number, path in enumerate(paths)}
        if len(self._numbers) < len(paths):
            raise UserError(f"{folder} lists {len(paths) - len(self._numbers)} paths twice; every image needs one row.")

    def embeddings(self, faces: AbstractFaces, *, flip: bool, report: Report | None = None) -> Embeddings:
        names = [faces.name(index) for index in range(len(faces))]
        missing = [name for name in names if name not in self._numbers]
        if missing:
            raise UserError(
                f"{self._folder} has no embedding of {len(missing)} of {len(names)} images, such as {missing[0]}; "
                "its paths must be those below the benchmark's folder."
            )
        rows = np.array([self._numbers[name] for name in names])
        return Embeddings(self._seen.views[:, rows], self._seen.norms[rows])

    @property
    def rules(self) -> dict[str, str]:
        return {"embedding": f"as stored in {self._folder.name}, mirror images and all, then L2-normalised"}
