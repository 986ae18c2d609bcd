"""Embeddings on disk: ``embeddings.npy``, N D float64, and ``index.csv`` with ``path,identity,norm``, row by row.

Instead of both a folder may hold ``embeddings.parquet``, which is read and never written.
"""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...data.contract import AbstractFaces
from ...errors import UserError
from ...files import whole_folder
from ...types import UNLABELLED
from .embed import Embeddings
from .parquet import read_parquet

_ARRAY, _PARQUET = "embeddings.npy", "embeddings.parquet"
_COLUMNS = ["path", "identity", "norm"]


def save_embeddings(folder: Path, embeddings: Embeddings, faces: AbstractFaces) -> None:
    """Writes both files; the folder appears whole or not at all.

    Raises:
        UserError: the folder exists.
    """
    with whole_folder(folder) as unfinished:
        np.save(unfinished / _ARRAY, embeddings.vectors, allow_pickle=False)
        _write_index(unfinished / "index.csv", embeddings, faces)


def _write_index(file: Path, embeddings: Embeddings, faces: AbstractFaces) -> None:
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(_COLUMNS)
        for index, (label, norm) in enumerate(zip(faces.labels, embeddings.norms, strict=True)):
            identity = "" if label == UNLABELLED else faces.identities[label]
            writer.writerow([faces.name(index), identity, float(norm)])


def holds_embeddings(folder: Path) -> bool:
    """Whether ``folder`` holds ``embeddings.npy`` or ``embeddings.parquet``."""
    return (folder / _ARRAY).is_file() or (folder / _PARQUET).is_file()


def load_embeddings(folder: Path) -> tuple[Embeddings, list[str], list[str]]:
    """Embeddings, paths and identities ("" where unknown) that ``save_embeddings`` or another tool wrote.

    Raises:
        UserError: a file that is missing, cannot be read, or does not fit the other; both kinds of file; an embedding
            that is not finite.
    """
    if (folder / _ARRAY).is_file() and (folder / _PARQUET).is_file():
        raise UserError(f"{folder} holds both {_ARRAY} and {_PARQUET}; remove one of them.")
    read = read_parquet(folder / _PARQUET) if (folder / _PARQUET).is_file() else _read_array(folder)
    vectors, norms, paths, identities = read
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise UserError(f"{folder}: the embedding of {paths[int(finite.argmin())]} is not finite; embed it again.")
    return Embeddings(vectors[None], norms), paths, identities


def _read_array(folder: Path) -> tuple[Float[np.ndarray, "N D"], Float[np.ndarray, " N"], list[str], list[str]]:
    try:
        vectors = np.load(folder / _ARRAY, allow_pickle=False)
        with (folder / "index.csv").open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        norms = np.array([float(row["norm"]) for row in rows])
        paths, identities = [row["path"] for row in rows], [row["identity"] for row in rows]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise UserError(f"{folder} holds no embeddings that can be read: {error}.") from None
    if vectors.ndim != 2 or len(vectors) != len(rows):
        raise UserError(f"{folder}: {_ARRAY} has shape {vectors.shape} and index.csv {len(rows)} rows.")
    return vectors.astype(np.float64), norms, paths, identities
