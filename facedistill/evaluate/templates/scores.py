"""Scores of millions of listed template pairs: a matrix product in blocks, from which the listed pairs are taken.

A product of whole blocks is many times faster than one dot product a pair even where most of its entries are dropped.
"""

import numpy as np
from jaxtyping import Float, Int

_BLOCK_SCORES = 2_000_000
"""Scores of one block: 16 MB."""

_DENSE = 1 / 50
"""Share of the matrix that must be listed for the product of blocks to be faster than single dot products."""

_ROWS = 4096
"""Pairs whose features lie in memory at once, where dot products are taken singly."""


def score_pairs(
    templates: Float[np.ndarray, "T D"], first: Int[np.ndarray, " P"], second: Int[np.ndarray, " P"]
) -> Float[np.ndarray, " P"]:
    """Dot products of the listed pairs of templates, given by their numbers, float64."""
    rows, columns = (_present(side, len(templates)) for side in (first, second))
    if len(first) < _DENSE * len(rows) * len(columns):
        return _singly(templates, first, second)
    if np.all(first[1:] >= first[:-1]):
        return _blocks(templates, first, second, rows, columns)
    order = np.argsort(first, kind="stable")
    scores = np.empty(len(first))
    scores[order] = _blocks(templates, first[order], second[order], rows, columns)
    return scores


def _present(side: Int[np.ndarray, " P"], templates: int) -> Int[np.ndarray, " S"]:
    seen = np.zeros(templates, dtype=bool)
    seen[side] = True
    return np.flatnonzero(seen)


def _singly(
    templates: Float[np.ndarray, "T D"], first: Int[np.ndarray, " P"], second: Int[np.ndarray, " P"]
) -> Float[np.ndarray, " P"]:
    scores = np.empty(len(first))
    for start in range(0, len(first), _ROWS):
        part = slice(start, start + _ROWS)
        np.einsum("pd,pd->p", templates[first[part]], templates[second[part]], out=scores[part])
    return scores


def _blocks(
    templates: Float[np.ndarray, "T D"],
    first: Int[np.ndarray, " P"],
    second: Int[np.ndarray, " P"],
    rows: Int[np.ndarray, " R"],
    columns: Int[np.ndarray, " C"],
) -> Float[np.ndarray, " P"]:
    """For pairs in the order of their first template."""
    column_of = np.zeros(len(templates), dtype=np.int32)
    column_of[columns] = np.arange(len(columns))
    other, scores = templates[columns].T, np.empty(len(first))
    height = max(1, _BLOCK_SCORES // len(columns))
    block = np.empty((height, len(columns)))
    ends = np.searchsorted(first, rows, side="right")
    begin = 0
    for start in range(0, len(rows), height):
        some = rows[start : start + height]
        end = int(ends[start + len(some) - 1])
        product = np.matmul(templates[some], other, out=block[: len(some)])
        row = np.searchsorted(some, first[begin:end]).astype(np.int32)
        scores[begin:end] = product[row, column_of[second[begin:end]]]
        begin = end
    return scores
