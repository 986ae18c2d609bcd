"""Embeddings on disk: ``embeddings.npy``, N D float64, and ``index.csv`` with ``path,identity,norm``, row by row."""

import csv
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ..data.contract import AbstractFaces
from ..errors import UserError
from ..types import UNLABELLED
from .embed import Embeddings

_COLUMNS = ["path", "identity", "norm"]


def save_embeddings(folder: Path, embeddings: Embeddings, faces: AbstractFaces) -> None:
    """Writes both files; the folder appears whole or not at all.

    Raises:
        UserError: the folder exists.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; choose another folder, nothing is overwritten.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        np.save(unfinished / "embeddings.npy", embeddings.vectors, allow_pickle=False)
        _write_index(unfinished / "index.csv", embeddings, faces)
        unfinished.chmod(0o755)  # mkdtemp's folder is its owner's alone
        os.rename(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished)
        raise


def _write_index(file: Path, embeddings: Embeddings, faces: AbstractFaces) -> None:
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(_COLUMNS)
        for index, (label, norm) in enumerate(zip(faces.labels, embeddings.norms, strict=True)):
            identity = "" if label == UNLABELLED else faces.identities[label]
            writer.writerow([faces.name(index), identity, float(norm)])


def holds_embeddings(folder: Path) -> bool:
    """Whether ``folder`` looks like one that ``save_embeddings`` wrote."""
    return (folder / "embeddings.npy").is_file()


def load_embeddings(folder: Path) -> tuple[Embeddings, list[str], list[str]]:
    """Embeddings, paths and identities ("" where unknown) that ``save_embeddings`` wrote.

    Raises:
        UserError: a file that is missing, cannot be read, or does not fit the other.
    """
    try:
        vectors = np.load(folder / "embeddings.npy", allow_pickle=False)
        with (folder / "index.csv").open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        norms = np.array([float(row["norm"]) for row in rows])
        paths, identities = [row["path"] for row in rows], [row["identity"] for row in rows]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise UserError(f"{folder} holds no embeddings that can be read: {error}.") from None
    if vectors.ndim != 2 or len(vectors) != len(rows):
        raise UserError(f"{folder}: embeddings.npy has shape {vectors.shape} and index.csv {len(rows)} rows.")
    return Embeddings(vectors.astype(np.float64)[None], norms), paths, identities
