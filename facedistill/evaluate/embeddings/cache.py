"""Embeddings that were computed before, in a folder that the user chose.

Embeddings are biometric data: nothing is kept unless a folder is named, and what is kept is its owner's alone. A file
is a plain array of raw answers, V N D, under a name made of everything that they depend on: the model's files, its
preprocessing, every pixel of the images in their order, and whether mirror images were seen.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...data.contract import AbstractFaces, UnreadableImage
from ...errors import UserError
from .embed import Embeddings, Report
from .source import AbstractSource


class CachedSource(AbstractSource):
    """Another source, asked once for every set of faces.

    Args:
        model_digest: of everything that decides what the source answers.
        folder: made where it is not there.
        of_data: digest of a set of faces; ``functools.cache(data_digest)`` looks once for many models.
    """

    def __init__(
        self,
        source: AbstractSource,
        model_digest: str,
        folder: Path,
        of_data: Callable[[AbstractFaces], str] | None = None,
    ) -> None:
        self._source, self._digest, self._folder = source, model_digest, folder
        self._of_data = of_data or data_digest

    def embeddings(self, faces: AbstractFaces, *, flip: bool, report: Report | None = None) -> Embeddings:
        of_data = self._of_data(faces)
        for mirrored in (True, False) if not flip else (True,):
            if (known := _read(self._file(of_data, mirrored), len(faces))) is not None:
                return known if flip == mirrored else known.without_mirror
        seen = self._source.embeddings(faces, flip=flip, report=report)
        self._write(self._file(of_data, flip), seen)
        return seen

    @property
    def rules(self) -> dict[str, str]:
        return self._source.rules

    def _file(self, of_data: str, flip: bool) -> Path:
        whole = hashlib.sha256(f"{self._digest} {of_data} {flip}".encode()).hexdigest()
        return self._folder / f"{whole}.npy"

    def _write(self, file: Path, seen: Embeddings) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as partial:
            try:
                np.save(partial, seen.views, allow_pickle=False)
            except BaseException:
                os.unlink(partial.name)
                raise
        os.replace(partial.name, file)


def _read(file: Path, faces: int) -> Embeddings | None:
    if not file.is_file():
        return None
    try:
        views = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{file} is damaged ({error}); remove it.") from None
    if views.ndim != 3 or views.shape[1] != faces:
        raise UserError(f"{file} holds an array of shape {views.shape} for {faces} faces; remove it.")
    return Embeddings.of(views)


def data_digest(faces: AbstractFaces) -> str:
    """SHA-256 over every image's size and pixels, in order.

    Raises:
        UserError: an image that cannot be read.
    """
    digest = hashlib.sha256()
    for index in range(len(faces)):
        try:
            pixels = faces.image(index)
        except UnreadableImage as error:
            raise UserError(f"Evaluation needs every image, and one cannot be read: {error}.") from None
        digest.update(str(pixels.shape).encode())
        digest.update(pixels.tobytes())
    return digest.hexdigest()
