"""Everything a ``.rec`` and its ``.idx`` say, checked, from their bytes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from ...types import UNLABELLED
from .index import walk
from .layout import dense, image_places, own_keys, read_heads, whole_labels
from .table import Table, measure

Index = tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]
"""Keys and offsets."""


@dataclass(frozen=True)
class Contents:
    """The images of a ``.rec`` file, M of N records."""

    table: Table
    keys: Int[np.ndarray, " M"]
    labels: Int[np.ndarray, " M"]
    """Dense, or ``UNLABELLED``."""
    own_labels: Int[np.ndarray, " K"]
    """For every identity the label that the file gives it, ascending."""


def read_contents(view: memoryview, index: Index | None, *, labelled: bool) -> Contents:
    """The images of a file, through its index or by walking over its records. No label is read unless ``labelled``.

    Raises:
        ValueError: says what is wrong with the file.
    """
    table = measure(view, walk(view) if index is None else index[1])
    keys = own_keys(view, table) if index is None else index[0]
    heads = read_heads(view, table, keys)
    places = image_places(keys, heads)
    if labelled:
        labels, own_labels = dense(whole_labels(heads.labels[places, 0], keys[places]))
    else:
        labels, own_labels = np.full(len(places), UNLABELLED), np.empty(0, np.int64)
    return Contents(table.of(places), keys[places], labels, own_labels)
