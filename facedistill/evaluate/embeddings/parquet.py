"""Embeddings in a Parquet file, as other tools write them: a row an image.

Columns ``path`` and ``embedding`` (a list of numbers), and perhaps ``identity`` and ``norm``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ...errors import UserError, first_line

_COLUMNS = ("path", "identity", "norm", "embedding")


def read_parquet(file: Path) -> tuple[Float[np.ndarray, "N D"], Float[np.ndarray, " N"], list[str], list[str]]:
    """Embeddings in float64, norms (the embeddings' own where there is no such column), paths and identities ("" where
    unknown).

    Raises:
        UserError: the ``parquet`` extra is not installed; a file that cannot be read; a column that is missing, has
            gaps or holds something else.
    """
    columns = _columns(file)
    for name in ("path", "embedding"):
        if name not in columns:
            raise UserError(f"{file} has no column '{name}'; it needs path and embedding, a row an image.")
    vectors = _vectors(file, columns["embedding"])
    norms = _numbers(file, columns["norm"]) if "norm" in columns else np.linalg.norm(vectors, axis=1)
    paths = [_text(file, "path", cell) for cell in columns["path"].to_pylist()]
    identities = columns["identity"].to_pylist() if "identity" in columns else [None] * len(paths)
    return vectors, norms, paths, ["" if cell is None else _text(file, "identity", cell) for cell in identities]


def _columns(file: Path) -> dict[str, Any]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UserError(f"Reading {file} needs pyarrow; install it with: pip install 'facedistill[parquet]'") from None
    try:
        with ParquetFile(file) as opened:
            names = [name for name in _COLUMNS if name in opened.schema_arrow.names]
            table = opened.read(names)
    except (OSError, ArrowException) as error:
        raise UserError(f"{file} is not a Parquet file that can be read: {first_line(error).rstrip('.')}.") from None
    return {name: table.column(name).combine_chunks() for name in names}


def _vectors(file: Path, column: Any) -> Float[np.ndarray, "N D"]:
    """Rows of one length; lists of any kind of number."""
    from pyarrow import types

    if not (types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type)):
        raise UserError(f"{file}: the column 'embedding' must hold lists of numbers; it holds {column.type}.")
    lengths = {len(row) if row.is_valid else 0 for row in column}
    if len(lengths) != 1 or 0 in lengths:
        raise UserError(f"{file}: every row of 'embedding' must be a list of one length, and at least one row.")
    return _numbers(file, column.flatten()).reshape(len(column), lengths.pop())


def _numbers(file: Path, column: Any) -> np.ndarray:
    from pyarrow import types

    if column.null_count or not (types.is_floating(column.type) or types.is_integer(column.type)):
        raise UserError(f"{file}: 'embedding' and 'norm' must be numbers without gaps.")
    return column.to_numpy(zero_copy_only=False).astype(np.float64)


def _text(file: Path, name: str, cell: object) -> str:
    if not isinstance(cell, str):
        raise UserError(f"{file}: the column '{name}' must hold text; it holds {cell!r}.")
    return cell
