"""L2-normalised embeddings."""

import numpy as np
from jaxtyping import Float


def unit_rows(vectors: Float[np.ndarray, "*n D"]) -> Float[np.ndarray, "*n D"]:
    """L2-normalised along the last axis; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
